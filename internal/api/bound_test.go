package api

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/certs"
)

func TestConnectionsAreBounded(t *testing.T) {
	const bound = 3
	s := serve(t, func(o *Options) { o.Connections = bound })
	var held []net.Conn
	for range bound {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		// A response shows that the connection was accepted and counted.
		_ = c.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if status, err := readStatus(c); err != nil {
			t.Fatal(status, err)
		}
		held = append(held, c)
	}
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a connection over the bound is served")
	}
	if got := s.Refused()["connections"]; got != 1 {
		t.Errorf("%d refusals", got)
	}
	held[0].Close()
	for deadline := time.Now().Add(patience); ; {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		_, err = readStatus(c)
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
	network := func(addr string) netip.Prefix {
		return networkOf(net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 1)))
	}
	for i, tt := range []struct {
		addr   string
		reason Refusal
		ok     bool
	}{
		{"192.0.2.1", 0, true},
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
	} {
		if reason, ok := l.enter(network(tt.addr)); reason != tt.reason || ok != tt.ok {
			t.Errorf("%d: %s: %v, %v", i, tt.addr, reason, ok)
		}
	}
	l.leave(network("192.0.2.1"))
	if _, ok := l.enter(network("192.0.2.1")); !ok {
		t.Error("the place of a closed connection is not given to another")
	}
}

func TestHandshakesShareTheSlots(t *testing.T) {
	pair, err := certs.Development(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	store, err := certs.NewStore(certs.Policy{MinVersion: "1.2"})
	if err != nil {
		t.Fatal(err)
	}
	store.SetFiles([]*certs.Pair{pair}, 0)
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
