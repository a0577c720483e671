package transport

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/reactor/reactortest"
)

// fixture is one connection without TLS over a kernel in memory, and a protocol that notes what it
// is told.
type fixture struct {
	Conn
	t      *testing.T
	kernel *reactortest.Kernel
	loop   *reactor.Loop
	shared Loop
	peer   *reactortest.Peer

	got   bytes.Buffer
	send  []string // records
	limit int      // of a read

	preamble     []byte
	preambleSize int
	begun        bool

	took    int
	ended   error // of ReadFailed
	broken  error // of WriteFailed
	expired int
	failing bool
	closed  bool
}

func (f *fixture) Preamble(p []byte) int {
	f.preamble = append(f.preamble, p...)
	return f.preambleSize - len(f.preamble)
}
func (f *fixture) PreambleDone()                    { f.begun = true }
func (f *fixture) Greeted()                         { f.t.Error("greeted without TLS") }
func (f *fixture) HandshakeDone(Facts, error, bool) { f.t.Error("a handshake without TLS") }
func (f *fixture) ReadLimit() int                   { return f.limit }
func (f *fixture) Took(n int)                       { f.took += n }
func (f *fixture) Receive(p []byte)                 { f.got.Write(p) }
func (f *fixture) Writable(bool)                    { f.Write() }
func (f *fixture) Expired()                         { f.expired++ }
func (f *fixture) Failing()                         { f.failing = true }
func (f *fixture) Closed()                          { f.closed = true }

func (f *fixture) ReadFailed(err error) {
	f.ended = err
	f.Fail()
}

func (f *fixture) WriteFailed(err error) {
	f.broken = err
	f.Fail()
}

func (f *fixture) NextRecord(int) (p []byte, cost int, later bool) {
	if len(f.send) == 0 {
		return nil, 0, false
	}
	next := f.send[0]
	f.send = f.send[1:]
	return []byte(next), 0, false
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureAfter(t, 0)
}

// newFixtureAfter is newFixture with so many bytes before the connection itself.
func newFixtureAfter(t *testing.T, preambleSize int) *fixture {
	t.Helper()
	f := &fixture{t: t, preambleSize: preambleSize, kernel: reactortest.NewKernel(), limit: -1}
	f.loop, _ = reactortest.NewLoop(t, f.kernel, reactor.Options{})
	f.shared = Loop{Reactor: f.loop, ReadBuffer: make([]byte, 64)}
	fd, peer := f.kernel.Connect()
	f.peer = peer
	if err := f.Accept(&f.shared, f, fd, false, preambleSize > 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !f.closed {
			f.Close()
		}
		f.turn()
		for s := Preamble; s < Closed; s++ {
			if n := f.shared.InState(s); n != 0 {
				t.Errorf("%d connections are still counted as %s", n, s)
			}
		}
		if f.shared.Blocked() != 0 || f.kernel.Descriptors() != 0 {
			t.Errorf("%d blocked, %d descriptors are left", f.shared.Blocked(), f.kernel.Descriptors())
		}
	})
	return f
}

func (f *fixture) turn() {
	f.t.Helper()
	reactortest.Turn(f.t, 4, f.loop)
}

func (f *fixture) advance(d time.Duration) {
	f.t.Helper()
	f.kernel.Advance(d)
	f.turn()
}

func TestWhatThePeerSendsIsReceived(t *testing.T) {
	f := newFixture(t)
	sent := strings.Repeat("0123456789", 50) // more than some reads take
	f.peer.Send([]byte(sent))
	f.turn()
	if f.got.String() != sent || f.took != len(sent) {
		t.Errorf("received %d bytes, took %d, want %d", f.got.Len(), f.took, len(sent))
	}
}

func TestAReadTakesNoMoreThanTheProtocolAllows(t *testing.T) {
	f := newFixture(t)
	f.limit = 3
	f.peer.Send([]byte("0123456789"))
	reactortest.Turn(t, 1, f.loop)
	if got := f.got.String(); got == "" || len(got) > 3*readsPerTurn {
		t.Errorf("one turn received %q", got)
	}
}

func TestAHeldConnectionIsNotRead(t *testing.T) {
	f := newFixture(t)
	f.Hold()
	f.peer.Send([]byte("hello"))
	f.turn()
	if f.got.Len() > 0 {
		t.Fatalf("got %q while it is held", f.got.String())
	}
	f.Resume()
	f.turn()
	if f.got.String() != "hello" {
		t.Errorf("got %q afterwards", f.got.String())
	}
}

// A short read is the last one before the next event, but not if the event has told of the end.
func TestTheEndIsNotMissedAfterAShortRead(t *testing.T) {
	for name, end := range map[string]func(f *fixture){
		"with the bytes":  func(f *fixture) { f.peer.CloseWrite(); f.turn() },
		"in a later turn": func(f *fixture) { f.turn(); f.peer.CloseWrite(); f.turn() },
		"while held": func(f *fixture) {
			f.turn()
			f.Hold()
			f.peer.CloseWrite()
			f.turn()
			if f.ended != nil {
				t.Error("a held connection was read")
			}
			f.Resume()
			f.turn()
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.peer.Send([]byte("hello"))
			end(f)
			if f.got.String() != "hello" || !IsEnd(f.ended) {
				t.Errorf("got %q, ended with %v", &f.got, f.ended)
			}
		})
	}
}

// An event tells of the end once, also if it comes before the preamble is over.
func TestTheEndIsNotMissedBehindAPreamble(t *testing.T) {
	f := newFixtureAfter(t, len("preamble"))
	f.peer.Send([]byte("preamblehello"))
	f.peer.CloseWrite()
	f.turn()
	if f.got.String() != "hello" || !IsEnd(f.ended) {
		t.Errorf("got %q, ended with %v", &f.got, f.ended)
	}
}

func TestBytesThatComeAfterAShortReadAreRead(t *testing.T) {
	f := newFixture(t)
	f.peer.Send([]byte("1"))
	f.turn()
	f.peer.Send([]byte("2"))
	f.turn()
	f.Hold()
	f.Resume() // nothing is there: it takes no further turn
	f.peer.Send([]byte("3"))
	f.turn()
	f.Hold()
	f.peer.Send([]byte("4"))
	f.turn()
	f.Resume()
	f.turn()
	if f.got.String() != "1234" {
		t.Errorf("got %q", &f.got)
	}
}

func TestWhatAClosingConnectionDiscardsIsBounded(t *testing.T) {
	f := newFixture(t)
	f.Finish()
	f.Write()
	piece := make([]byte, len(f.shared.ReadBuffer))
	for n := 0; !f.failing; n++ {
		if n > 2*discardsMost {
			t.Fatalf("%d reads were discarded", n)
		}
		f.peer.Send(piece)
		f.turn()
	}
}

// The kernel answers what was not read with a reset, which takes the last bytes from the peer.
func TestAClosingConnectionReadsWhatWasHeldBack(t *testing.T) {
	f := newFixture(t)
	f.Hold()
	f.peer.Send(make([]byte, 4*readsPerTurn*len(f.shared.ReadBuffer)))
	f.turn()
	f.Finish()
	f.Write()
	for range 5 {
		f.turn()
	}
	if n := f.peer.Unread(); n > 0 || f.got.Len() > 0 {
		t.Errorf("%d bytes were not read, %d were handed on", n, f.got.Len())
	}
}

func TestTheEndComesAfterTheOutput(t *testing.T) {
	f := newFixture(t)
	f.send = []string{"hello ", "world"}
	f.Finish()
	f.Write()
	f.turn()
	if got := string(f.peer.Received()); got != "hello world" || !f.peer.Ended() {
		t.Fatalf("sent %q, ended %t", got, f.peer.Ended())
	}
	if f.failing {
		t.Fatal("it does not wait for the peer's end")
	}
	f.peer.CloseWrite()
	f.turn()
	if !f.failing || !IsEnd(f.ended) {
		t.Errorf("after the peer's end: failing %t, %v", f.failing, f.ended)
	}
}

func TestAPeerThatNeverEndsIsLeftAfterTheLingerTime(t *testing.T) {
	f := newFixture(t)
	f.Finish()
	f.Write()
	f.advance(LingerTime - time.Second)
	if f.failing {
		t.Fatal("left early")
	}
	f.advance(2 * time.Second)
	if !f.failing {
		t.Error("still there")
	}
}

func TestAPeerThatReadsNothingIsLeftAfterTheDrainTime(t *testing.T) {
	f := newFixture(t)
	f.peer.SetWindow(0)
	f.send = []string{"hello"}
	f.Finish()
	f.Write()
	if !f.IsBlocked() || f.shared.Blocked() != 1 {
		t.Fatal("the socket takes what it has no room for")
	}
	f.advance(DrainTime + time.Second)
	if !f.failing {
		t.Fatal("still there")
	}
	f.Close()
	f.turn()
	if closed, reset := f.peer.Closed(); !closed || !reset {
		t.Errorf("closed %t, reset %t: the kernel would keep what nobody takes", closed, reset)
	}
}

func TestABlockedConnectionGoesOnWhenThePeerReads(t *testing.T) {
	f := newFixture(t)
	f.peer.SetWindow(2)
	f.send = []string{"hello"}
	f.Write()
	if f.Unwritten() != 3 {
		t.Fatalf("%d bytes are not written, want 3", f.Unwritten())
	}
	got := ""
	for range 5 {
		got += string(f.peer.Received())
		f.turn()
	}
	if got != "hello" || f.IsBlocked() {
		t.Errorf("got %q, blocked %t", got, f.IsBlocked())
	}
}

func TestAFailedConnectionBeginsNothing(t *testing.T) {
	f := newFixture(t)
	f.SetDeadline(f.loop.Now().Add(time.Second))
	f.Fail()
	f.Fail()
	f.peer.Send([]byte("x"))
	f.advance(2 * time.Second)
	if records, done := f.Write(); records != 0 || done {
		t.Error("a failed connection writes")
	}
	if f.got.Len() > 0 || f.expired > 0 || f.State() != Closing || !f.IsFailing() {
		t.Errorf("it got %q, expired %d times, is %s", &f.got, f.expired, f.State())
	}
	f.Close()
	if f.State() != Closed || !f.closed {
		t.Errorf("it is %s", f.State())
	}
}

func TestABrokenSocketIsTold(t *testing.T) {
	f := newFixture(t)
	f.peer.FailWrites(unix.ETIMEDOUT)
	f.send = []string{"hello"}
	f.Write()
	if f.broken == nil || !f.failing {
		t.Errorf("write error %v", f.broken)
	}
}

func TestAResetIsNoEnd(t *testing.T) {
	f := newFixture(t)
	f.peer.Reset()
	f.turn()
	if f.ended == nil || IsEnd(f.ended) || !errors.Is(f.ended, unix.ECONNRESET) {
		t.Errorf("after a reset: %v", f.ended)
	}
}

func TestAnOpenConnectionExpires(t *testing.T) {
	f := newFixture(t)
	f.SetDeadline(f.loop.Now().Add(time.Second))
	f.advance(2 * time.Second)
	if f.expired != 1 {
		t.Errorf("expired %d times", f.expired)
	}
	f.SetDeadline(f.loop.Now().Add(time.Second))
	f.ClearDeadline()
	f.advance(2 * time.Second)
	if f.expired != 1 {
		t.Error("a deadline that was cleared came")
	}
}

func TestStatesOnlyGoForward(t *testing.T) {
	f := newFixture(t)
	f.Finish()
	defer func() {
		if recover() == nil {
			t.Error("a closing connection was opened")
		}
	}()
	f.Open()
}
