package reactor_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/reactor/reactortest"
)

func TestEdgeTriggeredSourceIsToldOnce(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	fd, peer := k.Connect()
	peer.Send([]byte("hello"))
	s := addStream(t, l, fd)

	reactortest.Turn(t, 3, l)
	if len(s.seen) != 1 || s.seen[0] != reactor.Readable|reactor.Writable {
		t.Fatalf("events %v, want one: readable and writable", s.seen)
	}
	peer.Send([]byte("!"))
	peer.CloseWrite()
	reactortest.Turn(t, 3, l)
	if len(s.seen) != 2 || s.seen[1]&(reactor.Readable|reactor.Hangup) != reactor.Readable|reactor.Hangup {
		t.Fatalf("events %v, want a second one: readable, hangup", s.seen)
	}

	b := make([]byte, 16)
	if n, err := s.Read(b); err != nil || string(b[:n]) != "hello!" {
		t.Errorf("Read = %q, %v", b[:n], err)
	}
	if _, err := s.Read(b); !errors.Is(err, io.EOF) {
		t.Errorf("Read at the end = %v", err)
	}
}

func TestWriteWaitsForRoom(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	fd, peer := k.Connect()
	peer.SetWindow(4)
	s := addStream(t, l, fd)
	reactortest.Turn(t, 1, l)
	s.seen = nil

	if n, err := s.Write([]byte("abcdef")); n != 4 || err != nil {
		t.Fatalf("Write = %d, %v; want 4 of 6 taken", n, err)
	}
	if n, err := s.Write([]byte("ef")); n != 0 || !errors.Is(err, reactor.ErrWouldBlock) {
		t.Fatalf("Write = %d, %v; want would block", n, err)
	}
	reactortest.Turn(t, 1, l)
	if len(s.seen) != 0 {
		t.Fatalf("events %v while there is no room", s.seen)
	}
	if got := string(peer.Received()); got != "abcd" {
		t.Fatalf("peer received %q", got)
	}
	reactortest.Turn(t, 1, l)
	if len(s.seen) != 1 || s.seen[0] != reactor.Writable {
		t.Fatalf("events %v, want writable", s.seen)
	}
	if err := s.CloseWrite(); err != nil || !peer.Ended() {
		t.Errorf("CloseWrite = %v, peer at its end: %v", err, peer.Ended())
	}
}

func TestNoEventAfterCloseInTheSameTurn(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	fd1, peer1 := k.Connect()
	fd2, peer2 := k.Connect()
	first, second := addStream(t, l, fd1), addStream(t, l, fd2)
	reactortest.Turn(t, 1, l)

	// Both are ready in one turn; whichever is called first closes the other.
	first.events = func(ev reactor.Events) { first.seen = append(first.seen, ev); second.Close() }
	second.events = func(ev reactor.Events) { second.seen = append(second.seen, ev); first.Close() }
	peer1.Send([]byte("x"))
	peer2.Send([]byte("x"))
	reactortest.Turn(t, 2, l)

	if n := len(first.seen) + len(second.seen); n != 3 {
		t.Errorf("%d events in all, want 2 at the start and 1", n)
	}
	check(t, l)
}

// TestOldEventNeverMeetsANewOwner lets a handler close another source and add a
// new one while an event of the old one is already in the loop's hands.
func TestOldEventNeverMeetsANewOwner(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	fd1, peer1 := k.Connect()
	fd2, peer2 := k.Connect()
	first, old := addStream(t, l, fd1), addStream(t, l, fd2)
	reactortest.Turn(t, 1, l)
	old.seen = nil

	var successor *stream
	var number int
	first.events = func(reactor.Events) {
		old.Close()
		fd3, _ := k.Connect()
		number = fd3
		successor = addStream(t, l, fd3)
		if fd3 == fd2 {
			t.Errorf("descriptor %d used again in the turn that gave it up", fd3)
		}
	}
	peer1.Send([]byte("x"))
	peer2.Send([]byte("x"))
	reactortest.Turn(t, 1, l)
	if len(old.seen) != 0 || len(successor.seen) != 0 {
		t.Fatalf("old source got %v, new one %v", old.seen, successor.seen)
	}
	reactortest.Turn(t, 1, l)
	if len(successor.seen) != 1 {
		t.Errorf("new source on descriptor %d got %v, want its own first event", number, successor.seen)
	}
	if fd4, _ := k.Connect(); fd4 != fd2 {
		t.Errorf("descriptor %d not free after the turn", fd2)
	}
	check(t, l)
}

// TestStaleTokensAreDropped hands the loop events that the kernel should never
// send: of sources long gone, and of places that never were.
func TestStaleTokensAreDropped(t *testing.T) {
	k := reactortest.NewKernel()
	l, p := reactortest.NewLoop(t, k, reactor.Options{})
	var streams []*stream
	for range 3 {
		fd, _ := k.Connect()
		s := addStream(t, l, fd)
		s.Close()
		reactortest.Turn(t, 1, l)
		streams = append(streams, s)
	}
	fd, _ := k.Connect()
	current := addStream(t, l, fd)
	reactortest.Turn(t, 1, l)
	for generation := range uint32(6) {
		for slot := int32(0); slot < 3; slot++ {
			p.Inject(reactor.Event{Token: reactor.Token{Slot: slot, Generation: generation}, Events: reactor.Hangup})
		}
	}
	reactortest.Turn(t, 1, l)
	for _, s := range streams {
		if len(s.seen) != 0 {
			t.Errorf("closed source got %v", s.seen)
		}
	}
	// Of all the tokens only one is that of the source that is open.
	if len(current.seen) != 2 {
		t.Errorf("open source got %v, want its first event and one injected", current.seen)
	}
}

func TestClosedSource(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	var zero reactor.Source
	zero.Close()
	zero.Abort()
	zero.Again()
	zero.Pause()
	fd, peer := k.Connect()
	s := addStream(t, l, fd)
	if s.FD() != fd || l.Sources() != 1 {
		t.Errorf("FD = %d, Sources = %d", s.FD(), l.Sources())
	}
	s.Close()
	s.Close()
	if l.Sources() != 0 {
		t.Errorf("Sources = %d after Close", l.Sources())
	}
	for name, s := range map[string]*reactor.Source{"never added": &zero, "closed": &s.Source} {
		if s.FD() != -1 {
			t.Errorf("%s: FD = %d", name, s.FD())
		}
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, reactor.ErrClosed) {
			t.Errorf("%s: Read = %v", name, err)
		}
		if _, err := s.Write([]byte("x")); !errors.Is(err, reactor.ErrClosed) {
			t.Errorf("%s: Write = %v", name, err)
		}
		if err := s.CloseWrite(); !errors.Is(err, reactor.ErrClosed) {
			t.Errorf("%s: CloseWrite = %v", name, err)
		}
		if err := s.Resume(); err != nil {
			t.Errorf("%s: Resume = %v", name, err)
		}
	}

	// It can be used again, even in the same turn.
	fd2, _ := k.Connect()
	if err := l.Add(&s.Source, fd2, s); err != nil {
		t.Fatal(err)
	}
	reactortest.Turn(t, 1, l)
	if closed, reset := peer.Closed(); !closed || reset {
		t.Errorf("first peer closed %v, reset %v; want an ordinary close", closed, reset)
	}
	if s.FD() != fd2 || len(s.seen) != 1 {
		t.Errorf("FD = %d, events %v after a second Add", s.FD(), s.seen)
	}
	check(t, l)
}

func TestAbortResetsThePeer(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	fd, peer := k.Connect()
	s := addStream(t, l, fd)
	if _, err := s.Write([]byte("never to be seen")); err != nil {
		t.Fatal(err)
	}
	s.Abort()
	reactortest.Turn(t, 1, l)
	if _, reset := peer.Closed(); !reset || len(peer.Received()) != 0 {
		t.Error("peer was not reset")
	}
}

func TestPausedLevelSourceIsSilent(t *testing.T) {
	k := reactortest.NewKernel()
	l, p := reactortest.NewLoop(t, k, reactor.Options{})
	fd, peer := k.Connect()
	peer.Send([]byte("stays unread"))
	s := &stream{}
	s.events = func(ev reactor.Events) { s.seen = append(s.seen, ev) }
	if err := l.AddLevel(&s.Source, fd, s); err != nil {
		t.Fatal(err)
	}
	turns := func(n, want int) {
		t.Helper()
		s.seen = nil
		reactortest.Turn(t, n, l)
		if len(s.seen) != want {
			t.Errorf("%d events in %d turns, want %d", len(s.seen), n, want)
		}
		check(t, l)
	}
	turns(3, 3)
	s.Pause()
	s.Pause()
	turns(3, 0)
	p.Inject(reactor.Event{Token: reactor.Token{Slot: 0, Generation: 1}, Events: reactor.Readable})
	turns(1, 0) // an event from before the pause
	for range 2 {
		if err := s.Resume(); err != nil {
			t.Fatal(err)
		}
	}
	turns(3, 3)
	s.Pause()
	s.Close()
	turns(1, 0)
	if n := k.Descriptors(); n != 0 {
		t.Errorf("%d descriptors left", n)
	}
}

func TestOnlyWouldBlockIsTemporary(t *testing.T) {
	// crypto/tls forgets exactly those read errors that look like this.
	temporary := func(err error) bool {
		// The methods of net.Error by hand, without its deprecation.
		e, ok := err.(interface { // crypto/tls does not unwrap either
			Timeout() bool
			Temporary() bool
		})
		return ok && e.Temporary()
	}
	if !temporary(reactor.ErrWouldBlock) {
		t.Error("ErrWouldBlock is not temporary")
	}
	var e net.Error
	if !errors.As(reactor.ErrWouldBlock, &e) || e.Timeout() {
		t.Error("ErrWouldBlock is a timeout")
	}

	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	fd, peer := k.Connect()
	s := addStream(t, l, fd)
	peer.FailWrites(unix.ETIMEDOUT)
	_, err := s.Write([]byte("x"))
	if !errors.Is(err, unix.ETIMEDOUT) || temporary(err) {
		t.Errorf("write to a dead peer = %v, temporary %v", err, temporary(err))
	}
	if !temporary(unix.ETIMEDOUT) || temporary(os.NewSyscallError("read", unix.ETIMEDOUT)) {
		t.Error("ErrWouldBlock's comment is no longer true: look at every error that is returned bare")
	}
}

func TestAddRefusedByTheKernel(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	fd, _ := k.Connect()
	addStream(t, l, fd)
	var twice reactor.Source
	err := l.Add(&twice, fd, &handler{})
	if !errors.Is(err, unix.EEXIST) {
		t.Fatalf("Add of a watched descriptor = %v", err)
	}
	if twice.FD() != -1 || l.Sources() != 1 {
		t.Errorf("FD = %d, Sources = %d after a refused Add", twice.FD(), l.Sources())
	}
	check(t, l)
}
