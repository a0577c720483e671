package site

import (
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/edge/exchange"
)

func TestLoopbackOrigins(t *testing.T) {
	for origin, want := range map[string]bool{
		"http://localhost":        true,
		"https://localhost":       true,
		"http://localhost:3000":   true,
		"https://localhost:65535": true,
		"http://127.0.0.1:8000":   true,
		"https://127.0.0.1":       true,
		"http://127.255.0.9:1":    true,
		"http://[::1]":            true,
		"http://[::1]:5173":       true,

		"":                                  false,
		"null":                              false,
		"http://":                           false,
		"http://localhost:":                 false,
		"http://localhost:65536":            false,
		"http://localhost:+1":               false,
		"http://localhost:01":               false,
		"http://localhost/":                 false,
		"http://localhost:3000/":            false,
		"http://localhost.evil.example":     false,
		"http://evil.example":               false,
		"http://evil.example:localhost":     false,
		"http://localhost@evil.example":     false,
		"http://evil-localhost":             false,
		"http://LOCALHOST":                  false,
		"http://localhost:80\r\nX: y":       false,
		"http://128.0.0.1":                  false,
		"http://127.1":                      false,
		"http://0177.0.0.1":                 false,
		"http://127.0.0.1.evil.example":     false,
		"http://::1":                        false,
		"http://[::1":                       false,
		"http://[::1]]":                     false,
		"http://[::2]":                      false,
		"http://[::ffff:127.0.0.1]":         false,
		"http://0.0.0.0":                    false,
		"ftp://localhost":                   false,
		"capacitor://localhost":             false,
		"https://localhost https://a":       false,
		"http://localhost\x00.evil.example": false,
	} {
		if got := isLoopbackOrigin(origin); got != want {
			t.Errorf("isLoopbackOrigin(%q) = %t", origin, got)
		}
	}
}

// Pages on the developer's machine are let in as listed ones are: echoed, with Vary, with
// credentials if those may be.
func TestT14LoopbackOriginsInDevelopment(t *testing.T) {
	const vary = "Vary: Origin\n"
	const echo = vary + "Access-Control-Allow-Origin: http://localhost:3000\n"
	for name, c := range map[string]struct {
		rules  Rules
		origin string
		want   string
	}{
		"in development":             {Rules{Loopback: true}, "http://localhost:3000", echo},
		"with credentials":           {Rules{Loopback: true, Credentials: true}, "http://localhost:3000", echo + "Access-Control-Allow-Credentials: true\n"},
		"a page from elsewhere":      {Rules{Loopback: true, Credentials: true}, "https://evil.example", vary},
		"a page without an origin":   {Rules{Loopback: true, Credentials: true}, "null", vary},
		"beside a list":              {Rules{Loopback: true, Origins: []string{"https://a"}}, "http://localhost:3000", echo},
		"a listed one in production": {Rules{Origins: []string{"https://a"}}, "http://localhost:3000", vary},
		"everybody":                  {Rules{Loopback: true, Origins: []string{"*"}}, "http://localhost:3000", "Access-Control-Allow-Origin: *\n"},
	} {
		req := &exchange.Request{Origin: c.origin, WantMethod: "GET", WantHeaders: "last-event-id"}
		got := lines(appendCORS(nil, req, &c.rules))
		if got != c.want {
			t.Errorf("%s: got\n%swant\n%s", name, got, c.want)
		}
		may := strings.Contains(got, "Access-Control-Allow-Origin")
		if preflight := len(appendPreflight(nil, req, &c.rules)) > 0; preflight != may {
			t.Errorf("%s: the preflight is granted: %t, the answer may be read: %t", name, preflight, may)
		}
	}
}
