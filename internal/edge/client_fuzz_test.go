package edge

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/edge/proxy"
	"github.com/hassesd/hassesd/internal/httppublish"
)

// fuzzProxySends are parts of what trusted proxies and others send.
var fuzzProxySends = []string{
	"PROXY TCP4 203.0.113.1 10.0.0.1 4711 443\r\n",
	"PROXY TCP4 203.0.113.2 10.0.0.1 4711 443\r\n",
	"PROXY TCP6 2001:db8::1 2001:db8::2 ", "4711 443\r\n",
	"PROXY UNKNOWN\r\n",
	"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x01", "\x0a\x00\x00\x01\x01\x02\x01\xbb",
	"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00",
	"GET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n",
	"GET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 203.0.113.2, 10.0.0.2\r\n\r\n",
	"GET /sse?subscribe=b HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 2001:db8::1\r\n\r\n",
	"GET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: unknown\r\n\r\n",
	"GET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\n\r\n",
	"HEAD / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n",
	"GET /\x00 HTTP/1.1\r\n\r\n",
	"POST /sse?to=a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 203.0.113.1\r\nContent-Length: 2\r\n\r\nhi",
	"POST /sse?to=a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 203.0.113.2\r\nContent-Length: 2\r\n\r\nhi",
}

// FuzzProxies drives a server behind proxies through random events, with a trust that changes. Each
// connection must be counted for exactly one address at any time, and for none in the end.
func FuzzProxies(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0, 1, 8, 2, 0, 0, 1, 1, 9, 3, 0})
	f.Add([]byte{0, 0, 1, 2, 4, 1, 1, 3, 1, 8, 1, 9, 4, 0, 1, 10, 3, 20})
	f.Add([]byte{0, 1, 4, 2, 1, 8, 1, 9, 1, 8, 1, 12, 0, 0, 1, 8, 5, 0, 1, 9})
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) > 200 {
			ops = ops[:200]
		}
		w := postTestServer(t, func(s *setup, _ *httppublish.Config) {
			behind(func(*setup) {})(s)
			s.reinit = at(ops, 0)%2 == 0
			s.edge.Proxies.Protocol = at(ops, 1)%2 == 0
			s.edge.Proxies.Field = proxy.Field(at(ops, 2) % 2)
			s.edge.Connections = 10
			s.edge.Admission.Connections, s.edge.Admission.Streams = 2, 2
			s.edge.Admission.Penalties = admission.PenaltiesOn
		})
		var clients []*client
		for i := 0; i+1 < len(ops); i += 2 {
			op, arg := ops[i]%6, ops[i+1]
			switch {
			case op == 0 && len(clients) < 16:
				clients = append(clients, w.connectFrom([]string{ourProxy, ourProxy, "203.0.113.1", "192.0.2.1"}[arg%4]))
			case op == 3:
				w.advance(time.Duration(arg) * 100 * time.Millisecond)
			case op == 4:
				c := w.srv.config().Config
				c.Proxies.Protocol, c.Proxies.Field = arg%2 == 0, proxy.Field(arg/2%2)
				if c.Proxies.Trusted.Networks = nil; arg/4%2 == 0 {
					c.Proxies.Trusted.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
				}
				c.Admission.Exempt = c.Proxies.Trusted.Networks
				w.srv.Reconfigure(w.kernel.Now(), c)
			case len(clients) == 0:
			case op == 1:
				clients[len(clients)-1].Send([]byte(fuzzProxySends[int(arg)%len(fuzzProxySends)]))
			case op == 5:
				clients[int(arg)%len(clients)].Send([]byte(fuzzProxySends[int(arg/16)%len(fuzzProxySends)]))
			case op == 2:
				clients[int(arg)%len(clients)].Close()
			}
			w.turn()
			w.check()
			if fault := w.miscounted(); fault != "" {
				t.Fatalf("after %d events: %s", i/2, fault)
			}
		}
	})
}

// miscounted returns what admission counts otherwise than there is.
func (w *testServer) miscounted() string {
	held, deferred, streams := map[admission.Network]int{}, int64(0), 0
	for _, worker := range w.srv.workers {
		for _, c := range worker.conns {
			held[admission.NetworkOf(c.held())]++
			if c.as != admission.Admit {
				deferred++
			}
			if c.isLive() {
				streams++
			}
		}
	}
	total := 0
	for _, n := range held {
		total += n
	}
	switch {
	case total != w.srv.admission.Held() || int64(total) != w.srv.open.Load():
		return fmt.Sprintf("%d connections, %d held, %d open", total, w.srv.admission.Held(), w.srv.open.Load())
	case deferred != w.srv.deferred.Load():
		return fmt.Sprintf("%d connections are deferred, %d counted", deferred, w.srv.deferred.Load())
	case int64(streams) > w.srv.streams.Load():
		return fmt.Sprintf("%d streams, %d counted", streams, w.srv.streams.Load())
	}
	return ""
}
