package options

import "testing"

func TestMode(t *testing.T) {
	for _, tc := range []struct {
		listen []string
		want   string
	}{
		{[]string{"https://:1"}, "https"},
		{[]string{"http://:1"}, "http"},
		{[]string{"https://:1", "http://:2"}, "mixed"},
	} {
		if got := Mode(tc.listen); got != tc.want {
			t.Errorf("%v: got %s, want %s", tc.listen, got, tc.want)
		}
	}
}

func TestSplitListen(t *testing.T) {
	for _, tc := range []struct {
		listen, address string
		secure          bool
	}{
		{"https://:8443", ":8443", true},
		{"https://127.0.0.1:9443", "127.0.0.1:9443", true},
		{"https://[::1]:9443", "[::1]:9443", true},
		{"http://example.org", "example.org:80", false},
		{"https://example.org", "example.org:443", true},
	} {
		address, secure, err := SplitListen(tc.listen)
		if err != nil || address != tc.address || secure != tc.secure {
			t.Errorf("%s: got %s, %v, %v", tc.listen, address, secure, err)
		}
	}
}
