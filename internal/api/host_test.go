package api

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// A page whose name resolves to 127.0.0.1 sends its own name.
func TestHostIsTheListeners(t *testing.T) {
	s := serve(t, func(o *Options) {
		o.Name = "Push.example.org"
		o.CoversHost = func(host string) bool { return host == "www.example.org" }
	})
	for host, want := range map[string]int{
		"localhost":             200,
		"LOCALHOST:9":           200,
		"localhost.":            200,
		"127.0.0.1:8444":        200,
		"127.1.2.3":             200,
		"[::1]":                 200,
		"[::1]:8444":            200,
		"push.example.org":      200,
		"push.example.org:1":    200,
		"www.example.org":       200,
		"[::ffff:127.0.0.1]":    200,
		"":                      421,
		":8444":                 421,
		"evil.example":          421,
		"evil.example:8444":     421,
		"127.0.0.1.nip.example": 421,
		"localhost.example":     421,
		"a.localhost":           421,
		"192.0.2.1":             421,
		"[2001:db8::1]":         421,
		"[::1%25lo]":            421,
		"localhost:x":           421,
	} {
		for _, path := range []string{"/figures", "/healthz"} {
			if status, _, body := s.ask("GET", path, host, ""); status != want && !(host == "[::1%25lo]" && status == 400) && !(host == "localhost:x" && status == 400) {
				t.Errorf("Host %q at %s: %d %s, want %d", host, path, status, body, want)
			}
		}
	}
	// The code is that of the listeners for browsers.
	status, _, body := s.ask("GET", "http://evil.example/figures", "localhost", "")
	if status != 421 || !strings.Contains(body, `"code":"misdirected_request"`) {
		t.Errorf("a foreign name in the request's target: %d %s", status, body)
	}
}

// On a listener for all addresses, the one that the client has connected to is the listener's.
func TestHostIsTheAddressConnectedTo(t *testing.T) {
	s := &Server{}
	at := net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:8444"))
	for host, want := range map[string]bool{"192.0.2.1:8444": true, "192.0.2.2": false, "127.0.0.1": true} {
		req := &http.Request{Host: host}
		if got := s.hosts.include(req.WithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, at))); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}
