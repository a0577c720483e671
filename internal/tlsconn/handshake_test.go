package tlsconn

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

// startVisit starts a handshake with a client that closes afterwards. end gets the handshake's
// error.
func startVisit(t testing.TB, g *Gate, config *tls.Config) (c *Conn, e *steppedEnd, end <-chan error) {
	t.Helper()
	l := newLink()
	e = &steppedEnd{l: l}
	c = newConn(e, config)
	l.onEvent(c.Wake)
	left := make(chan struct{})
	go func() {
		defer close(left)
		client := tls.Client(clientEnd{l}, clientConfig(config.MaxVersion))
		_ = client.Handshake()
	}()
	done := make(chan error, 1)
	c.Start(g, func(err error) { done <- err })
	t.Cleanup(func() {
		l.close()
		<-left
	})
	return c, e, done
}

func TestWakeBeforeStartIsNotLost(t *testing.T) {
	t.Parallel()
	// The first read finds nothing; the bytes come with no further wake-up than the early one.
	hello := []byte("GET / HTTP/1.1\r\n\r\n")
	d := &late{bytes: hello}
	c := newConn(d, serverConfig(tls.VersionTLS13))
	c.Wake()
	done := make(chan error, 1)
	c.Start(nil, func(err error) { done <- err })
	if err := receive(t, done); err == nil || !strings.Contains(err.Error(), "does not look like a TLS handshake") {
		t.Errorf("got %v, want the verdict on the first bytes", err)
	}
}

// late would block at its first read, and has bytes at the second.
type late struct {
	sink
	reads int
	bytes []byte
}

func (d *late) Read(p []byte) (int, error) {
	if d.reads++; d.reads == 1 {
		return 0, errBlocked
	}
	return copy(p, d.bytes), nil
}

func TestWakeWhileNobodyWaitsIsNotLost(t *testing.T) {
	t.Parallel()
	// Each read that would block is followed by its event before the reader can wait.
	for range 20 {
		sc := scenario{config: serverConfig(tls.VersionTLS13), client: visitor(clientConfig(tls.VersionTLS13), nil)}
		if o := sc.stepped(t, script{reads: cycle(0, 40)}); o.handshake != nil || o.client != nil {
			t.Fatalf("handshake %v, client %v", o.handshake, o.client)
		}
	}
}

func TestWakeAndAbortAreHarmlessAfterwards(t *testing.T) {
	t.Parallel()
	c, _, h := connected(t, tls.VersionTLS13, byCrypto)
	for range 3 {
		c.Wake()
		c.Abort(io.ErrClosedPipe)
	}
	h.send(typeData, []byte("fine"))
	if got, err := readAll(c); string(got) != "fine" || !errors.Is(err, errBlocked) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAbort(t *testing.T) {
	t.Parallel()
	ours := errors.New("deadline of the loop")
	for _, tt := range []struct {
		name  string
		abort error
		when  string
		want  error
	}{
		{"before Start", ours, "before", ours},
		{"while it waits", ours, "waiting", ours},
		{"without a reason", nil, "waiting", net.ErrClosed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLink()
			c := newConn(&steppedEnd{l: l}, serverConfig(tls.VersionTLS13))
			if _, err := (clientEnd{l}).Write([]byte{22, 3, 1}); err != nil {
				t.Fatal(err)
			}
			calls := atomic.Int32{}
			done := make(chan error, 2)
			if tt.when == "before" {
				c.Abort(tt.abort)
			}
			c.Start(NewGate(1, nil), func(err error) {
				calls.Add(1)
				done <- err
			})
			if tt.when == "waiting" {
				l.awaitTaken(t, 3)
				c.Abort(tt.abort)
			}
			c.Abort(errors.New("second reason"))
			c.Wake()
			if err := receive(t, done); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if n := calls.Load(); n != 1 {
				t.Errorf("done was called %d times", n)
			}
		})
	}
}

func TestAbortWhileWaitingForASlot(t *testing.T) {
	t.Parallel()
	g := NewGate(1, nil)
	g.slots <- struct{}{} // somebody computes for ever
	c, e, end := startVisit(t, g, serverConfig(tls.VersionTLS13))
	e.l.awaitTaken(t, 1)
	c.Abort(io.ErrClosedPipe)
	if err := receive(t, end); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want the reason of Abort", err)
	} else if !errors.Is(err, ErrNotPeer) {
		t.Errorf("got %v: the peer is blamed", err)
	}
	if len(g.slots) != 1 {
		t.Error("somebody else's slot was given up")
	}
}

func TestAbortOfAComputingHandshake(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	cert := certificate()
	config := serverConfig(tls.VersionTLS13)
	config.Certificates = nil
	config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		close(entered)
		<-leave
		return &cert, nil
	}
	g := NewGate(1, nil)
	c, _, end := startVisit(t, g, config)
	receive(t, entered)
	c.Abort(io.ErrClosedPipe)
	close(leave)
	if err := receive(t, end); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want the reason of Abort", err)
	} else if !errors.Is(err, ErrNotPeer) {
		t.Errorf("got %v: the peer is blamed", err)
	}
	if len(g.slots) != 0 {
		t.Error("the slot is still held")
	}
}

func TestPanicInAHandshakeEndsThatConnectionAlone(t *testing.T) {
	t.Parallel()
	config := serverConfig(tls.VersionTLS13)
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { panic("callback at fault") }
	g := NewGate(1, nil)
	_, _, end := startVisit(t, g, config)
	err := receive(t, end)
	p, ok := errors.AsType[*PanicError](err)
	if !ok || p.Value != "callback at fault" || !strings.Contains(string(p.Stack), "handshake_test.go") {
		t.Errorf("got %v, want a PanicError with value and stack", err)
	}
	if err.Error() != "handshake panicked: callback at fault" {
		t.Errorf("got text %q", err)
	}
	if len(g.slots) != 0 {
		t.Error("the slot is still held")
	}
}

func TestHandshakeWritesWhenWokenForIt(t *testing.T) {
	forBothVersions(t, func(t *testing.T, version uint16) {
		l := newLink()
		e := &steppedEnd{l: l}
		e.stuck.Store(true)
		c := newConn(e, serverConfig(version))
		l.onEvent(c.Wake)
		client := make(chan error, 1)
		go func() { client <- tls.Client(clientEnd{l}, clientConfig(version)).Handshake() }()
		done := make(chan error, 1)
		c.Start(nil, func(err error) { done <- err })
		l.awaitTaken(t, 100)
		e.stuck.Store(false)
		c.Wake() // writable
		// TLS 1.2 ends with bytes of the server's, and TLS 1.3 with bytes of the client's.
		if err := errors.Join(receive(t, done), receive(t, client)); err != nil {
			t.Error(err)
		}
	})
}

func TestHandshakeEndsWithTheDescriptorsWriteError(t *testing.T) {
	forBothVersions(t, func(t *testing.T, version uint16) {
		l := newLink()
		c := newConn(&steppedEnd{l: l, writeErr: io.ErrClosedPipe}, serverConfig(version))
		l.onEvent(c.Wake)
		client := make(chan error, 1)
		go func() { client <- tls.Client(clientEnd{l}, clientConfig(version)).Handshake() }()
		done := make(chan error, 1)
		c.Start(nil, func(err error) { done <- err })
		if err := receive(t, done); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("got %v, want the descriptor's error", err)
		}
		l.close()
		if err := receive(t, client); err == nil {
			t.Error("the client's handshake succeeded without a server")
		}
	})
}

func TestAlertOfAFailedHandshakeIsLeftToFlush(t *testing.T) {
	t.Parallel()
	l := newLink()
	e := &steppedEnd{l: l}
	e.stuck.Store(true)
	c := newConn(e, serverConfig(tls.VersionTLS13))
	l.onEvent(c.Wake)
	client := make(chan error, 1)
	go func() { client <- tls.Client(clientEnd{l}, clientConfig(tls.VersionTLS12)).Handshake() }()
	done := make(chan error, 1)
	c.Start(nil, func(err error) { done <- err })
	if err := receive(t, done); err == nil {
		t.Fatal("a TLS 1.2 client got into a TLS 1.3 server")
	}
	if c.Pending() == 0 {
		t.Fatal("no alert is pending")
	}
	e.stuck.Store(false)
	if want, err := c.Flush(); want || err != nil {
		t.Fatalf("flush: %v, %v", want, err)
	}
	if err := receive(t, client); err == nil || !strings.Contains(err.Error(), "protocol version not supported") {
		t.Errorf("client got %v, want the alert", err)
	}
	if _, err := c.ReadPlain(make([]byte, 1)); err == nil || errors.Is(err, errBlocked) {
		t.Errorf("ReadPlain after a failed handshake: %v, want its error", err)
	}
	if err := c.Seal([]byte("x")); err == nil {
		t.Error("Seal after a failed handshake succeeded")
	}
}

func TestSecondStartPanics(t *testing.T) {
	t.Parallel()
	c, _, _ := connected(t, tls.VersionTLS13, byCrypto)
	defer func() {
		if recover() == nil {
			t.Error("the second Start did not panic")
		}
	}()
	c.Start(nil, func(error) { t.Error("done was called") })
}

func TestHandshakeLeavesNothingOfItsOwnBehind(t *testing.T) {
	t.Parallel()
	c, _, _ := connected(t, tls.VersionTLS13, byCrypto)
	if c.crypto.Load().wire.hs.Load() != nil {
		t.Error("the handshake's state is still held")
	}
}
