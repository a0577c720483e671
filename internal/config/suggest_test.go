package config

import (
	"strings"
	"testing"
)

func TestSuggest(t *testing.T) {
	names := keyNames()
	for written, want := range map[string]string{
		"histroy.bytes":              `did you mean "history.bytes"?`,
		"history.byte":               `did you mean "history.bytes"?`,
		"limits.connection":          `did you mean "limits.connections"?`,
		"limits.age":                 `did you mean "limits.stream_age"?`,
		"cert_file":                  `did you mean "tls.cert_file"?`,
		"something.else.altogether":  "",
		"tls.cert_file.key":          "",
		"...":                        "",
		"":                           "",
		strings.Repeat("x", 100_000): "",
	} {
		if got := suggest(written, names); got != want {
			t.Errorf("suggest(%.40q) = %q, want %q", written, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"ab", "", 2}, {"abc", "abc", 0}, {"abc", "axc", 1}, {"abc", "acb", 2}, {"kitten", "sitting", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
