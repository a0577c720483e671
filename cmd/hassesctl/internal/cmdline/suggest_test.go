package cmdline

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"status", "clients", "rooms", "count", "send", "tail", "kick", "loglevel", "require-receivers"}
	for name, want := range map[string]string{
		"statsu": "status", "satus": "status", "statuss": "status", "stat": "status", "client": "clients", "clinets": "clients",
		"room": "rooms", "sned": "send", "tial": "tail", "log": "loglevel", "require": "require-receivers",
		"require-receiver": "require-receivers", "zzz": "", "": "", "publish": "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1}, {"kitten", "sitting", 3},
	} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
		if got := distance(test.b, test.a); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.b, test.a, got, test.want)
		}
	}
}
