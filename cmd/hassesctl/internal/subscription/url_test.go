package subscription

import (
	"errors"
	"testing"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
)

// codeOf returns the exit code that err carries, or 0.
func codeOf(err error) int {
	var e *exit.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code
}

func TestQuery(t *testing.T) {
	for _, test := range []struct {
		name  string
		rooms []string
		id    string
		want  string
	}{
		{"one", []string{"room624"}, "", "subscribe=room624"},
		{"several, and an id", []string{"a", "b", "c"}, "me", "id=me&subscribe=a-b-c"},
		{"with the separator", []string{"a-b", "c", "d-e"}, "", "room=a-b&room=d-e&subscribe=c"},
		{"only with the separator", []string{"a-b"}, "", "room=a-b"},
		{"needs escapes", []string{"a&b c+d%", "ü"}, "x y", "id=x+y&subscribe=a%26b+c%2Bd%25-%C3%BC"},
		{"everything", []string{"*"}, "", "subscribe=%2A"},
	} {
		t.Run(test.name, func(t *testing.T) {
			query, err := Query(test.rooms, test.id)
			if err != nil {
				t.Fatal(err)
			}
			if got := query.Encode(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	for _, rooms := range [][]string{{""}, {"a", ""}, {"*", "a"}, {"a", "*"}} {
		if _, err := Query(rooms, ""); codeOf(err) != exit.Usage {
			t.Errorf("%q: %v", rooms, err)
		}
	}
}

func TestURL(t *testing.T) {
	query, err := Query([]string{"r"}, "")
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"https://example.org/sse":                    "https://example.org/sse?subscribe=r",
		"https://example.org:8443/sse?token=x#y":     "https://example.org:8443/sse?subscribe=r&token=x",
		"https://example.org/sse?subscribe=a&room=b": "https://example.org/sse?room=b&subscribe=a&subscribe=r",
		"http://[2001:db8::1]:80/":                   "http://[2001:db8::1]:80/?subscribe=r",
		"https://0.0.0.0:8443/sse":                   "https://localhost:8443/sse?subscribe=r",
		"https://[::]:8443/sse":                      "https://localhost:8443/sse?subscribe=r",
		"https://:8443/sse":                          "https://localhost:8443/sse?subscribe=r",
		"https://0.0.0.0/sse":                        "https://localhost/sse?subscribe=r",
	} {
		if got, err := URL(in, query); got != want || err != nil {
			t.Errorf("URL(%s) = %s, %v, want %s", in, got, err, want)
		}
	}
	for in, code := range map[string]int{
		"": exit.Failed, "example.org/sse": exit.Usage, "ftp://example.org": exit.Usage, "https:///sse": exit.Usage, "https://x:y/": exit.Usage, "\x7f": exit.Usage,
	} {
		if got, err := URL(in, query); err == nil || codeOf(err) != code {
			t.Errorf("URL(%q) = %s, %v", in, got, err)
		}
	}
}
