package tlsconn

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"
)

func TestStalledHandshakesHoldNoSlot(t *testing.T) {
	t.Parallel()
	g := NewGate(1, nil)
	const stalled = 20
	done := make(chan error, stalled)
	var conns []*Conn
	for range stalled {
		l := newLink()
		c := newConn(&steppedEnd{l: l}, serverConfig(tls.VersionTLS13))
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

// Other handshakes share the slots and the time with those of connections.
func TestGateLetsOthersIn(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	g := NewGate(1, func() time.Time { return time.Unix(0, now.Load()) })
	g.SetShare(50)
	leave, err := g.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	over, end := context.WithCancel(t.Context())
	end()
	if _, err := g.Enter(over); !errors.Is(err, context.Canceled) {
		t.Errorf("a second one got in, or %v", err)
	}
	now.Store(int64(200 * time.Millisecond))
	leave()
	if rest := g.rest(g.now()); rest != 550*time.Millisecond { // 200 ms and half of it are half of 600 ms, less the slack
		t.Errorf("it rests for %v", rest)
	}
	if _, err := g.Enter(over); !errors.Is(err, context.Canceled) || len(g.slots) != 0 {
		t.Errorf("got %v; %d slots are held", err, len(g.slots))
	}
}

func TestGateBoundsHandshakesThatCompute(t *testing.T) {
	t.Parallel()
	const slots, visits = 2, 6
	g := NewGate(slots, nil)
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
		if got := cap(NewGate(n, nil).slots); got != 1 {
			t.Errorf("NewGate(%d) has %d slots, want 1", n, got)
		}
	}
}

func TestAFloodOfHandshakesRests(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_000_000, 0)
	now := start
	g := NewGate(2, func() time.Time { return now })
	g.SetShare(50)
	// Two slots at a half each: as much computing as time has passed, and the slack.
	computed := time.Duration(0)
	for now.Sub(start) < 10*time.Second {
		if rest := g.rest(now); rest > 0 {
			now = now.Add(rest)
			continue
		}
		from := now
		now = now.Add(time.Millisecond)
		g.charge(from, now) // on both slots
		g.charge(from, now)
		computed += 2 * time.Millisecond
	}
	if want := 10 * time.Second; computed < want-paceSlack || computed > want+2*paceSlack {
		t.Errorf("computed %s in 10 s, want about %s", computed, want)
	}
	now = now.Add(time.Minute)
	if rest := g.rest(now); rest > 0 {
		t.Errorf("rests %s after a minute of rest", rest)
	}
	g.SetShare(100)
	g.charge(now.Add(-time.Hour), now)
	if rest := g.rest(now); rest > 0 {
		t.Errorf("rests %s without a bound", rest)
	}
}

func TestAFrozenMachineOwesLittle(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	g := NewGate(1, func() time.Time { return now })
	g.SetShare(50)
	g.charge(now.Add(-time.Hour), now) // the process was stopped
	if rest := g.rest(now); rest > 2*time.Second {
		t.Errorf("rests %s after an hour in which nothing computed", rest)
	}
}

func TestARestingHandshakeCanBeAborted(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	g := NewGate(1, func() time.Time { return now })
	g.SetShare(1)
	g.charge(now.Add(-time.Hour), now) // it would rest for days
	l := newLink()
	c := newConn(&steppedEnd{l: l}, serverConfig(tls.VersionTLS13))
	done := make(chan error, 1)
	c.Start(g, func(err error) { done <- err })
	if _, err := (clientEnd{l}).Write([]byte{22, 3, 1, 0, 1, 1}); err != nil {
		t.Fatal(err)
	}
	c.Wake()
	l.awaitTaken(t, 6)
	c.Abort(io.ErrClosedPipe)
	if err := receive(t, done); !errors.Is(err, io.ErrClosedPipe) || !errors.Is(err, ErrNotPeer) {
		t.Errorf("ended with %v", err)
	}
	if len(g.slots) != 0 {
		t.Errorf("%d slots are still held", len(g.slots))
	}
}
