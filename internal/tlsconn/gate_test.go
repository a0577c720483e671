package tlsconn

import (
	"crypto/tls"
	"errors"
	"io"
	"sync/atomic"
	"testing"
)

func TestStalledHandshakesHoldNoSlot(t *testing.T) {
	t.Parallel()
	g := NewGate(1)
	const stalled = 20
	done := make(chan error, stalled)
	var conns []*Conn
	for range stalled {
		l := newLink()
		c := Server(&steppedEnd{l: l}, serverConfig(tls.VersionTLS13))
		if _, err := (clientEnd{l}).Write([]byte{22, 3, 1, 2, 0, 1}); err != nil {
			t.Fatal(err)
		}
		c.Start(g, func(err error) { done <- err })
		l.awaitTaken(t, 6)
		conns = append(conns, c)
	}
	c, _, end := startVisit(t, g, serverConfig(tls.VersionTLS13))
	if err := receive(t, end); err != nil {
		t.Errorf("a good client among stalled ones: %v", err)
	}
	_ = c.CloseNotify()
	for _, c := range conns {
		c.Abort(io.ErrClosedPipe)
	}
	for range stalled {
		if err := receive(t, done); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("stalled handshake ended with %v", err)
		}
	}
	if len(g.slots) != 0 {
		t.Errorf("%d slots are still held", len(g.slots))
	}
}

func TestGateBoundsHandshakesThatCompute(t *testing.T) {
	t.Parallel()
	const slots, visits = 2, 6
	g := NewGate(slots)
	var computing, most atomic.Int32
	step := make(chan struct{})
	config := serverConfig(tls.VersionTLS13)
	cert := certificate()
	config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		n := computing.Add(1)
		for m := most.Load(); n > m; m = most.Load() {
			most.CompareAndSwap(m, n)
		}
		<-step
		computing.Add(-1)
		return &cert, nil
	}
	config.Certificates = nil
	var ends []<-chan error
	for range visits {
		_, _, end := startVisit(t, g, config)
		ends = append(ends, end)
	}
	for range visits {
		step <- struct{}{}
	}
	for _, end := range ends {
		if err := receive(t, end); err != nil {
			t.Errorf("handshake: %v", err)
		}
	}
	if got := most.Load(); got < 1 || got > slots {
		t.Errorf("up to %d handshakes computed at once, want at most %d", got, slots)
	}
	if len(g.slots) != 0 {
		t.Errorf("%d slots are still held", len(g.slots))
	}
}

func TestGateHasAtLeastOneSlot(t *testing.T) {
	t.Parallel()
	for _, n := range []int{-1, 0, 1} {
		if got := cap(NewGate(n).slots); got != 1 {
			t.Errorf("NewGate(%d) has %d slots, want 1", n, got)
		}
	}
}
