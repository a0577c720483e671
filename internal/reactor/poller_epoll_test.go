package reactor

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// socketpair returns two connected, non-blocking sockets.
func socketpair(tb testing.TB) (a, b int) {
	tb.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	return fds[0], fds[1]
}

// run turns a real loop on a goroutine and stops it at the end of the test.
func run(tb testing.TB) *Loop {
	tb.Helper()
	l, err := New(Options{})
	if err != nil {
		tb.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- l.Run() }()
	tb.Cleanup(func() {
		l.Stop()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	return l
}

// on runs fn on the loop and waits for it.
func on(tb testing.TB, l *Loop, fn func()) {
	tb.Helper()
	done := make(chan struct{})
	if err := l.PostWait(tb.Context(), func() { fn(); close(done) }); err != nil {
		tb.Fatal(err)
	}
	<-done
}

// sink reads all that comes, a little in each turn, and sends it at its end.
type sink struct {
	Source
	got  bytes.Buffer
	done chan []byte
}

func (s *sink) HandleEvents(Events) {
	var b [1000]byte
	n, err := s.Read(b[:])
	s.got.Write(b[:n])
	switch {
	case err == nil:
		s.Again()
	case errors.Is(err, io.EOF):
		s.Close()
		s.done <- s.got.Bytes()
	case !errors.Is(err, ErrWouldBlock):
		panic(err)
	}
}

// flood writes what it has as long as there is room.
type flood struct {
	Source
	rest []byte
	full int // times there was no room
}

func (f *flood) HandleEvents(ev Events) {
	for ev&Writable != 0 {
		n, err := f.Write(f.rest)
		f.rest = f.rest[n:]
		if len(f.rest) == 0 {
			_ = f.CloseWrite()
			f.Close()
			return
		}
		if err != nil {
			f.full++
			return
		}
	}
}

func TestEpollCarriesAMegabyte(t *testing.T) {
	l := run(t)
	in, out := socketpair(t)
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	from, to := &flood{rest: want}, &sink{done: make(chan []byte, 1)}
	on(t, l, func() {
		if err := errors.Join(l.Add(&to.Source, in, to), l.Add(&from.Source, out, from)); err != nil {
			t.Error(err)
		}
	})
	if got := <-to.done; !bytes.Equal(got, want) {
		t.Errorf("%d bytes arrived, want %d", len(got), len(want))
	}
	on(t, l, func() {
		if from.full == 0 {
			t.Error("the socket was never full: nothing was tried")
		}
		if n := l.Sources(); n != 0 {
			t.Errorf("%d sources left", n)
		}
		if err := l.Check(); err != nil {
			t.Error(err)
		}
	})
}

func TestEpollTimeoutIsNeverEarly(t *testing.T) {
	l := run(t)
	fired := make(chan time.Duration, 1)
	var timer Timer
	const wait = 35 * time.Millisecond
	on(t, l, func() {
		at := time.Now().Add(wait)
		l.Schedule(&timer, timerFunc(func(time.Time) { fired <- time.Since(at) }), at)
	})
	if late := <-fired; late < 0 {
		t.Errorf("fired %v early", -late)
	}
}

type timerFunc func(now time.Time)

func (f timerFunc) HandleTimer(_ *Timer, now time.Time) { f(now) }

func TestEpollHangup(t *testing.T) {
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	mine, theirs := socketpair(t)
	var seen Events
	var s Source
	if err := l.Add(&s, mine, handlerFunc(func(ev Events) { seen |= ev })); err != nil {
		t.Fatal(err)
	}
	if err := l.Turn(0); err != nil || seen != Writable {
		t.Fatalf("events %v, %v; want writable", seen, err)
	}
	if err := unix.Close(theirs); err != nil {
		t.Fatal(err)
	}
	if err := l.Turn(0); err != nil || seen != Readable|Writable|Hangup {
		t.Fatalf("events %v, %v; want all", seen, err)
	}
	// Writing to a peer that has gone is an error, not a signal.
	if _, err := s.Write([]byte("x")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("Write = %v", err)
	}
	s.Close()
	l.Stop()
	if err := l.Run(); err != nil {
		t.Error(err)
	}
	if err := unix.Close(mine); !errors.Is(err, unix.EBADF) {
		t.Errorf("descriptor was still open: %v", err)
	}
}

type handlerFunc func(ev Events)

func (f handlerFunc) HandleEvents(ev Events) { f(ev) }

// TestEpollDescriptorNumberUsedAgain closes and adds under the same number, with
// events of both on their way, on the real thing.
func TestEpollDescriptorNumberUsedAgain(t *testing.T) {
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	var sources [2]Source
	var peers [2]int
	var numbers [2]int
	calls := 0
	for i := range sources {
		numbers[i], peers[i] = socketpair(t)
		if err := l.Add(&sources[i], numbers[i], handlerFunc(func(Events) {
			// Whoever comes first closes the other.
			calls++
			sources[1-i].Close()
		})); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Turn(0); err != nil || calls != 1 {
		t.Fatalf("%d calls, %v; want 1", calls, err)
	}
	var successor Source
	fresh, freshPeer := socketpair(t)
	if fresh != numbers[0] && fresh != numbers[1] {
		t.Fatalf("descriptor %d, want one of %v again", fresh, numbers)
	}
	got := Events(0)
	if err := l.Add(&successor, fresh, handlerFunc(func(ev Events) { got |= ev })); err != nil {
		t.Fatal(err)
	}
	if err := l.Turn(0); err != nil || got != Writable {
		t.Errorf("successor got %v, %v; want writable", got, err)
	}
	if err := l.Check(); err != nil {
		t.Error(err)
	}
	for i := range sources {
		sources[i].Close()
	}
	successor.Close()
	l.Stop()
	if err := l.Run(); err != nil {
		t.Error(err)
	}
	for _, fd := range append(peers[:], freshPeer) {
		if err := unix.Close(fd); err != nil {
			t.Error(err)
		}
	}
}

func TestEpollWakeAfterCloseTouchesNobody(t *testing.T) {
	p, err := NewEpoll(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Fatal(err)
	}
	// The numbers are given to somebody else.
	a, b := socketpair(t)
	c, d := socketpair(t)
	p.Wake()
	var buf [8]byte
	for _, fd := range []int{a, b, c, d} {
		if n, err := unix.Read(fd, buf[:]); !errors.Is(err, unix.EAGAIN) {
			t.Errorf("descriptor %d received %d bytes, %v", fd, n, err)
		}
	}
	for _, fd := range []int{a, b, c, d} {
		if err := unix.Close(fd); err != nil {
			t.Error(err)
		}
	}
}

// echo sends back what it receives.
type echo struct {
	Source
	buf [256]byte
}

func (e *echo) HandleEvents(Events) {
	for {
		n, err := e.Read(e.buf[:])
		if err != nil {
			return
		}
		if _, err := e.Write(e.buf[:n]); err != nil {
			return
		}
	}
}

// echoTurn returns a loop with an echo and a function that sends it something,
// turns the loop and reads the answer.
func echoTurn(tb testing.TB) (turn func()) {
	tb.Helper()
	l, err := New(Options{})
	if err != nil {
		tb.Fatal(err)
	}
	mine, theirs := socketpair(tb)
	e := &echo{}
	if err := l.Add(&e.Source, mine, e); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		e.Close()
		l.Stop()
		if err := errors.Join(l.Run(), unix.Close(theirs)); err != nil {
			tb.Error(err)
		}
	})
	message, answer := []byte("hello"), make([]byte, 16)
	return func() {
		if _, err := unix.Write(theirs, message); err != nil {
			tb.Fatal(err)
		}
		if err := l.Turn(time.Second); err != nil {
			tb.Fatal(err)
		}
		if n, err := unix.Read(theirs, answer); n != len(message) || err != nil {
			tb.Fatalf("read %d, %v", n, err)
		}
	}
}

func BenchmarkEpollEcho(b *testing.B) {
	turn := echoTurn(b)
	b.ReportAllocs()
	for b.Loop() {
		turn()
	}
}

func TestMilliseconds(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want int
	}{
		{-1, -1},
		{0, 0},
		{1, 1},
		{time.Millisecond, 1},
		{time.Millisecond + 1, 2},
		{time.Hour, 3_600_000},
		{math.MaxInt64, math.MaxInt32},
	} {
		if got := milliseconds(c.d); got != c.want {
			t.Errorf("milliseconds(%v) = %d, want %d", c.d, got, c.want)
		}
	}
}

// Both ways to wait must see what the other has left, and end in time.
func TestEpollChangesItsWayOfWaiting(t *testing.T) {
	var contended bool
	p, err := NewEpoll(func() bool { return contended })
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close() //nolint:errcheck // the end of a test
	events := make([]Event, 4)
	if _, err := p.Wait(events, 0); err != nil { // takes what the poller's own eventfd says at first
		t.Fatal(err)
	}
	for range 20 {
		contended = !contended
		before := time.Now()
		if n, err := p.Wait(events, 5*time.Millisecond); n != 0 || err != nil || time.Since(before) < 5*time.Millisecond {
			t.Fatalf("contended %v: %d, %v after %v, want nothing after 5 ms", contended, n, err, time.Since(before))
		}
		p.Wake()
		if n, err := p.Wait(events, -1); n != 0 || err != nil {
			t.Fatalf("contended %v: woken with %d, %v", contended, n, err)
		}
	}
}
