package api

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/certs"
)

func TestConnectionsAreBounded(t *testing.T) {
	const bound = 3
	begun := make(chan struct{}, bound)
	s := serve(t, func(o *Options) {
		o.Connections = bound
		o.Routes = []Route{{Path: "/hold", Access: Anybody, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			begun <- struct{}{}
			<-r.Context().Done()
		})}}
	})
	var held []net.Conn
	for range bound {
		c := s.dial()
		if _, err := io.WriteString(c, "GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-begun // it was accepted and counted, and serves a request
		held = append(held, c)
	}
	if _, err := s.dial().Read(make([]byte, 1)); !isClosed(err) {
		t.Errorf("a connection over the bound is not closed: %v", err)
	}
	if got := s.Refused()["connections"]; got != 1 {
		t.Errorf("%d refusals", got)
	}
	held[0].Close()
	for deadline := time.Now().Add(patience); ; {
		c := s.dial()
		_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		_, err := readStatus(c)
		c.Close()
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the place of a closed connection is not given to another")
		}
	}
}

// One network beyond this machine cannot hold all places.
func TestConnectionsOfANetworkAreBounded(t *testing.T) {
	l := newBoundListener(Options{Connections: 8}, &refusals{})
	conn := func(addr string) *boundConn {
		return &boundConn{network: networkOf(net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 1)))}
	}
	first := conn("192.0.2.1")
	if reason, ok := l.enter(first); !ok {
		t.Fatal(reason)
	}
	for i, tt := range []struct {
		addr   string
		reason Refusal
		ok     bool
	}{
		{"192.0.2.1", 0, true},
		{"192.0.2.1", RefusedConnectionsNetwork, false},
		{"2001:db8::1", 0, true},
		{"2001:db8::2", 0, true},
		{"2001:db8::3", RefusedConnectionsNetwork, false},
		{"2001:db8:0:1::3", 0, true},
		{"127.0.0.1", 0, true}, // this machine has no bound of its own
		{"127.0.0.1", 0, true},
		{"::1", 0, true},
		{"198.51.100.1", RefusedConnections, false},
		{"192.0.2.1", RefusedConnectionsNetwork, false}, // at both bounds: only its own can make room
	} {
		if reason, ok := l.enter(conn(tt.addr)); reason != tt.reason || ok != tt.ok {
			t.Errorf("%d: %s: %v, %v", i, tt.addr, reason, ok)
		}
	}
	l.leave(first)
	if _, ok := l.enter(conn("192.0.2.1")); !ok {
		t.Error("the place of a closed connection is not given to another")
	}
}

// Clients that only connect cannot keep a probe out: the oldest connection without a request gives way.
func TestSilentConnectionsGiveWay(t *testing.T) {
	const bound = 3
	store := testStore(t)
	for name, config := range map[string]*tls.Config{
		"plain": nil,
		"TLS": {GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			shared, _ := store.Config()
			return &tls.Config{GetCertificate: shared.GetCertificate}, nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(o *Options) { o.Connections, o.TLS = bound, config })
			probe := func() (net.Conn, error) {
				c := s.dial()
				if config != nil {
					c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
				}
				if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
					return nil, err
				}
				_, err := readStatus(c)
				return c, err
			}
			served, err := probe()
			if err != nil {
				t.Fatal(err)
			}
			var silent []net.Conn
			for range bound {
				silent = append(silent, s.dial())
			}
			if config == nil { // half a head is no request
				_, _ = io.WriteString(silent[1], "GET /healthz HTTP/1.1\r\n")
			}
			if _, err := silent[0].Read(make([]byte, 1)); !isClosed(err) {
				t.Errorf("the oldest silent connection did not give way: %v", err)
			}
			if _, err := probe(); err != nil {
				t.Errorf("silent connections keep a probe out: %v", err)
			}
			if _, err := silent[1].Read(make([]byte, 1)); !isClosed(err) {
				t.Errorf("the next silent connection did not give way: %v", err)
			}
			if _, err := probe(); err != nil {
				t.Errorf("silent connections keep a probe out: %v", err)
			}
			if _, err := io.WriteString(served, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
				t.Error(err)
			}
			if _, err := readStatus(served); err != nil {
				t.Errorf("a connection that has sent a request gave way before silent ones: %v", err)
			}
			if r := s.Refused(); r["silent"] != bound || r["connections"] != 0 || r["idle"] != 0 {
				t.Errorf("counted: %v", r)
			}
		})
	}
}

// isClosed reports whether the peer has closed the connection.
func isClosed(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) }

// At the bound of its network, a connection takes the place of a silent one of the same network.
func TestSilentConnectionsGiveWayWithinTheirNetwork(t *testing.T) {
	l := newBoundListener(Options{Connections: 8}, &refusals{})
	here, there := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("198.51.100.1/32")
	first, second, third := &boundConn{network: there}, &boundConn{network: here}, &boundConn{network: here}
	give := func(reason Refusal) (*boundConn, Refusal) { return l.takeUnused(reason, here) }
	for _, c := range []*boundConn{first, second, third} {
		if reason, ok := l.enter(c); !ok {
			t.Fatal(reason)
		}
	}
	if got, why := give(RefusedConnectionsNetwork); got != second || why != RefusedSilent {
		t.Error("the oldest silent connection of the network does not give way")
	}
	if got, why := give(RefusedConnections); got != first || why != RefusedSilent {
		t.Error("the oldest silent connection of all does not give way")
	}
	l.connState(third, http.StateActive)
	if got, _ := give(RefusedConnections); got != nil {
		t.Error("a connection that serves a request gives way")
	}
	fourth := &boundConn{network: there}
	l.enter(fourth)
	l.connState(fourth, http.StateActive)
	l.connState(fourth, http.StateIdle)
	l.connState(third, http.StateIdle)
	if got, why := give(RefusedConnectionsNetwork); got != third || why != RefusedIdle {
		t.Error("the idle connection of the network does not give way")
	}
	if got, why := give(RefusedConnections); got != fourth || why != RefusedIdle {
		t.Error("the idle connection of another network does not give way")
	}
	l.leave(fourth)
	if l.connState(fourth, http.StateIdle); len(l.idle) > 0 {
		t.Error("a closed connection would give way")
	}
}

// Clients that keep connections after a request cannot keep a probe out: the one that has waited
// longest gives way, and one whose request is being answered does not.
func TestIdleConnectionsGiveWay(t *testing.T) {
	const bound = 3
	begun, finish := make(chan struct{}), make(chan struct{})
	s := serve(t, func(o *Options) {
		o.Connections = bound
		o.Routes = []Route{{Path: "/slow", Access: Anybody, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(begun)
			<-finish
			w.WriteHeader(http.StatusNoContent)
		})}}
	})
	ask := func(c net.Conn, path string) {
		t.Helper()
		if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	wantAnswer := func(c net.Conn) {
		t.Helper()
		if _, err := readStatus(c); err != nil {
			t.Fatal(err)
		}
	}
	busy, first, second := s.dial(), s.dial(), s.dial()
	ask(busy, "/slow")
	<-begun
	for _, c := range []net.Conn{first, second, first} { // so first is the one that was used last
		ask(c, "/healthz")
		wantAnswer(c)
		s.awaitIdle(c)
	}
	late := s.dial()
	ask(late, "/healthz")
	wantAnswer(late)
	if _, err := second.Read(make([]byte, 1)); !isClosed(err) {
		t.Errorf("the connection that has waited longest did not give way: %v", err)
	}
	ask(first, "/healthz")
	wantAnswer(first)
	close(finish)
	wantAnswer(busy)
	if r := s.Refused(); r["idle"] != 1 || r["connections"] != 0 || r["silent"] != 0 {
		t.Errorf("counted: %v", r)
	}
}

// awaitIdle waits until the server knows that it has answered all requests of a connection.
func (s *testServer) awaitIdle(c net.Conn) {
	s.t.Helper()
	l := s.listener
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		l.mu.Lock()
		isIdle := slices.ContainsFunc(l.idle, func(one *boundConn) bool { return one.RemoteAddr().String() == c.LocalAddr().String() })
		l.mu.Unlock()
		if isIdle {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal("the connection is not idle")
		}
	}
}

// A handshake that waits for its slot when its connection gives way still leaves the slot.
func TestAHandshakeThatGivesWayLeavesItsSlot(t *testing.T) {
	entered, free, left := make(chan struct{}), make(chan struct{}), make(chan struct{}, 2)
	s := serve(t, func(o *Options) {
		o.Connections = 1
		o.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return nil, errors.New("no certificate")
		}}
		o.HandshakeSlot = func(context.Context) (func(), error) {
			close(entered)
			<-free
			return func() { left <- struct{}{} }, nil
		}
	})
	old := s.dial()
	handshake := make(chan struct{})
	go func() {
		defer close(handshake)
		_ = tls.Client(old, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(t.Context())
	}()
	<-entered
	s.dial()
	<-handshake // the server has closed it
	close(free)
	select {
	case <-left:
	case <-time.After(patience):
		t.Fatal("the slot was not left")
	}
}

func TestHandshakesShareTheSlots(t *testing.T) {
	store := testStore(t)
	entered, left := make(chan struct{}, 8), make(chan struct{}, 8)
	s := serve(t, func(o *Options) {
		o.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			shared, _ := store.Config()
			return &tls.Config{GetCertificate: shared.GetCertificate}, nil
		}}
		o.HandshakeSlot = func(context.Context) (func(), error) {
			entered <- struct{}{}
			return func() { left <- struct{}{} }, nil
		}
	})
	for i, config := range []*tls.Config{
		{InsecureSkipVerify: true},
		{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12},
		{ServerName: "localhost"}, // the client does not trust us, and leaves
	} {
		d := tls.Dialer{Config: config}
		c, err := d.DialContext(t.Context(), "tcp", s.addr)
		if (err != nil) != (i == 2) {
			t.Fatal(err)
		}
		if c != nil {
			c.Close()
		}
		for what, ch := range map[string]chan struct{}{"entered": entered, "left": left} {
			select {
			case <-ch:
			case <-time.After(patience):
				t.Fatalf("handshake %d: the slot was not %s", i, what)
			}
		}
	}
	select {
	case <-left:
		t.Error("a slot was left twice")
	default:
	}
}

// testStore returns a store with a certificate.
func testStore(t *testing.T) *certs.Store {
	t.Helper()
	pair, err := certs.Development(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	store, err := certs.NewStore(certs.Policy{MinVersion: "1.2"})
	if err != nil {
		t.Fatal(err)
	}
	store.SetFiles([]*certs.Pair{pair}, 0)
	return store
}
