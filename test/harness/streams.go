package harness

import (
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/subscriber"
)

// URL returns the address at which a browser would subscribe.
func (d *Daemon) URL(query string) string { return "https://" + d.HTTPS + "/sse?" + query }

// Request returns a subscription over TLS, which the test may change.
func (d *Daemon) Request(query string) subscriber.Request {
	return subscriber.Request{Addr: d.HTTPS, TLS: d.CA.ClientConfig(), Target: "/sse?" + query, Wait: Patience}
}

// Plain returns the same without TLS.
func (d *Daemon) Plain(query string) subscriber.Request {
	return subscriber.Request{Addr: d.HTTP, Target: "/sse?" + query, Wait: Patience}
}

// Open sends a request that must open a stream, and reads the first frame.
func (d *Daemon) Open(r subscriber.Request) *subscriber.Stream {
	d.T.Helper()
	s, err := subscriber.Open(d.T.Context(), r)
	if err != nil {
		d.T.Fatal(err)
	}
	d.T.Cleanup(func() { s.Close() })
	if s.Status != 200 {
		d.T.Fatalf("%.100s: status %d, want 200", r.Target, s.Status)
	}
	if _, err := s.Preface(); err != nil {
		d.T.Fatal(err)
	}
	return s
}

// Subscribe opens a TLS stream on the query.
func (d *Daemon) Subscribe(query string) *subscriber.Stream {
	d.T.Helper()
	return d.Open(d.Request(query))
}

// WantEvent reads one event, which must have this name and data.
func WantEvent(t testing.TB, s *subscriber.Stream, name, data string) subscriber.Event {
	t.Helper()
	e, err := s.Next()
	if err != nil {
		t.Fatalf("want event %q %q, got error: %v", name, data, err)
	}
	if e.Name != name || e.Data != data {
		t.Fatalf("event %q %q, want %q %q", e.Name, e.Data, name, data)
	}
	return e
}

// WantMessage reads one event without a name, which must have this data.
func WantMessage(t testing.TB, s *subscriber.Stream, data string) subscriber.Event {
	t.Helper()
	return WantEvent(t, s, "message", data)
}

// OnBothFamilies makes a prepared daemon listen on all addresses at the port of address, and makes the request over IPv4
// and IPv6.
func OnBothFamilies(d *Daemon, scheme, address string, r subscriber.Request) {
	d.T.Helper()
	_, port, _ := strings.Cut(address, ":")
	for i := range d.Args {
		if d.Args[i] == scheme+address {
			d.Args[i] = scheme + ":" + port
		}
	}
	d.Run()
	for _, host := range []string{"127.0.0.1:", "[::1]:"} {
		r.Addr = host + port
		s := d.Open(r)
		d.Send("a", host)
		WantMessage(d.T, s, host)
	}
}
