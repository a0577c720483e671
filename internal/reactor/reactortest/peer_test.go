package reactortest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/reactor"
)

// echo sends back what it receives, and closes at the end of it.
type echo struct {
	reactor.Source
	rest    []byte
	reads   int
	blocked int // writes that would block
	err     error
}

func (e *echo) HandleEvents(reactor.Events) {
	for {
		for len(e.rest) > 0 {
			n, err := e.Write(e.rest)
			e.rest = e.rest[n:]
			if err != nil {
				e.fail(err)
				e.blocked++
				return
			}
		}
		b := make([]byte, 100)
		n, err := e.Read(b)
		if err != nil {
			e.fail(err)
			return
		}
		e.reads++
		e.rest = b[:n]
	}
}

func (e *echo) fail(err error) {
	if !errors.Is(err, reactor.ErrWouldBlock) {
		e.err = err
		e.Close()
	}
}

func newEcho(t *testing.T) (*Kernel, *reactor.Loop, *echo, *Peer) {
	t.Helper()
	k := NewKernel()
	l, _ := NewLoop(t, k, reactor.Options{})
	fd, peer := k.Connect()
	e := &echo{}
	if err := l.Add(&e.Source, fd, e); err != nil {
		t.Fatal(err)
	}
	return k, l, e, peer
}

func TestThrottleCutsAtEveryByte(t *testing.T) {
	_, l, e, peer := newEcho(t)
	peer.Throttle(1, 1)
	peer.Send([]byte("hello"))
	var got []byte
	for turn := 1; turn <= 20; turn++ {
		Turn(t, 1, l)
		b := peer.Received()
		if len(b) > 1 {
			t.Fatalf("turn %d: %q at once", turn, b)
		}
		got = append(got, b...)
	}
	if string(got) != "hello" || e.reads != 5 {
		t.Errorf("received %q back after %d reads", got, e.reads)
	}
	peer.Throttle(0, 0)
	peer.Send(bytes.Repeat([]byte("x"), 1000))
	Turn(t, 1, l)
	if n := len(peer.Received()); n != 1000 {
		t.Errorf("received %d bytes after the throttle was lifted, want 1000", n)
	}
}

func TestWindowHoldsWritesUp(t *testing.T) {
	_, l, e, peer := newEcho(t)
	peer.SetWindow(3)
	peer.Send([]byte("abcdefg"))
	for _, want := range []string{"abc", "def", "g", ""} {
		Turn(t, 3, l)
		if got := string(peer.Received()); got != want {
			t.Fatalf("received %q, want %q", got, want)
		}
	}
	if e.blocked != 2 {
		t.Errorf("%d writes would have blocked, want 2", e.blocked)
	}
}

func TestEnds(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*Peer)
		want error
	}{
		"half close": {(*Peer).CloseWrite, io.EOF},
		"reset":      {(*Peer).Reset, unix.ECONNRESET},
		"close":      {(*Peer).Close, unix.EPIPE}, // the echo of what was sent before
	} {
		t.Run(name, func(t *testing.T) {
			k, l, e, peer := newEcho(t)
			peer.Send([]byte("bye"))
			c.end(peer)
			Turn(t, 1, l)
			if !errors.Is(e.err, c.want) {
				t.Errorf("server got %v, want %v", e.err, c.want)
			}
			if closed, reset := peer.Closed(); !closed || reset != (name == "reset") {
				t.Errorf("closed %v, reset %v", closed, reset)
			}
			if n := k.Descriptors(); n != 0 {
				t.Errorf("%d descriptors left", n)
			}
		})
	}
}

func TestBlockingClient(t *testing.T) {
	_, l, e, peer := newEcho(t)
	conn := peer.Conn()
	answers := make(chan string)
	go func() {
		defer close(answers)
		for _, word := range []string{"one", "two", "three"} {
			if _, err := conn.Write([]byte(word)); err != nil {
				answers <- err.Error()
				return
			}
			b := make([]byte, len(word))
			if _, err := io.ReadFull(conn, b); err != nil {
				answers <- err.Error()
				return
			}
			answers <- string(b)
		}
		_ = conn.Close()
	}()
	var got []string
	Until(t, l, "the client has gone", func() bool {
		select {
		case word, ok := <-answers:
			if ok {
				got = append(got, word)
			}
		default:
		}
		return e.err != nil
	})
	if len(got) != 3 || got[0] != "one" || got[2] != "three" || !errors.Is(e.err, io.EOF) {
		t.Errorf("answers %q, server got %v", got, e.err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read after Close = %v", err)
	}
	if _, err := conn.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write after Close = %v", err)
	}
}

func TestClientDeadline(t *testing.T) {
	k := NewKernel()
	_, peer := k.Connect()
	conn := peer.Conn()
	if err := conn.SetDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read = %v", err)
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		ended <- err
	}()
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read that was going on = %v", err)
	}
}

func TestServerEndsAsTheClientSeesThem(t *testing.T) {
	read := func(p *Peer) (string, error) {
		b := make([]byte, 16)
		n, err := p.Conn().Read(b)
		return string(b[:n]), err
	}
	for name, c := range map[string]struct {
		end      func(*echo)
		wantText string
		wantErr  error
	}{
		"half close": {func(e *echo) { _ = e.CloseWrite() }, "last", io.EOF},
		"close":      {func(e *echo) { e.Close() }, "last", io.EOF},
		"abort":      {func(e *echo) { e.Abort() }, "", unix.ECONNRESET},
	} {
		t.Run(name, func(t *testing.T) {
			_, l, e, peer := newEcho(t)
			if _, err := e.Write([]byte("last")); err != nil {
				t.Fatal(err)
			}
			c.end(e)
			Turn(t, 1, l)
			var got string
			if c.wantText != "" {
				var err error
				if got, err = read(peer); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := read(peer); got != c.wantText || !errors.Is(err, c.wantErr) {
				t.Errorf("client read %q, then %v; want %q, %v", got, err, c.wantText, c.wantErr)
			}
		})
	}
}
