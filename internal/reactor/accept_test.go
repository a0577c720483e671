package reactor_test

import (
	"bytes"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/reactor/reactortest"
)

var client = netip.MustParseAddrPort("192.0.2.1:4711")

// door is an acceptor in memory with what it let in.
type door struct {
	*reactor.Acceptor
	t      *testing.T
	kernel *reactortest.Kernel
	loop   *reactor.Loop
	street *reactortest.Listener
	log    bytes.Buffer

	refuse bool
	fds    []int
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{t: t, kernel: reactortest.NewKernel()}
	logger := slog.New(slog.NewTextHandler(&d.log, nil))
	d.loop, _ = reactortest.NewLoop(t, d.kernel, reactor.Options{Logger: logger})
	fd, street := d.kernel.Listen()
	d.street = street
	var err error
	d.Acceptor, err = reactor.NewAcceptor(d.loop, fd, func(fd int, peer netip.AddrPort) bool {
		if peer != client {
			t.Errorf("peer %v", peer)
		}
		if !d.refuse {
			d.fds = append(d.fds, fd)
		}
		return !d.refuse
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *door) dial(n int) (peers []*reactortest.Peer) {
	for range n {
		peers = append(peers, d.street.Dial(client))
	}
	return peers
}

func (d *door) turn(n int) {
	d.t.Helper()
	reactortest.Turn(d.t, n, d.loop)
	check(d.t, d.loop)
}

func (d *door) wantStats(want reactor.AcceptStats) {
	d.t.Helper()
	if got := d.Stats(); got != want {
		d.t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestAcceptInBatches(t *testing.T) {
	d := newDoor(t)
	d.dial(150)
	for turn, want := range []int{64, 128, 150, 150} {
		d.turn(1)
		if len(d.fds) != want {
			t.Fatalf("turn %d: %d accepted, want %d", turn+1, len(d.fds), want)
		}
	}
	d.wantStats(reactor.AcceptStats{Accepted: 150})
}

func TestRefusedConnectionIsReset(t *testing.T) {
	d := newDoor(t)
	d.refuse = true
	peer := d.dial(1)[0]
	d.turn(1)
	if _, reset := peer.Closed(); !reset {
		t.Error("peer was not reset")
	}
	d.wantStats(reactor.AcceptStats{Refused: 1})
}

func TestDiscardResetsAConnectionWithoutASource(t *testing.T) {
	d := newDoor(t)
	peer := d.dial(1)[0]
	d.turn(1)
	d.loop.Discard(d.fds[0])
	if _, reset := peer.Closed(); !reset {
		t.Error("peer was not reset")
	}
}

func TestPauseLeavesConnectionsInTheBacklog(t *testing.T) {
	d := newDoor(t)
	d.Pause()
	d.dial(5)
	d.turn(3)
	if !d.Paused() || d.street.Waiting() != 5 {
		t.Fatalf("paused %v, %d wait; want 5", d.Paused(), d.street.Waiting())
	}
	d.Resume()
	d.turn(1)
	if d.Paused() || len(d.fds) != 5 {
		t.Errorf("paused %v, %d accepted after Resume", d.Paused(), len(d.fds))
	}
}

func TestPauseInTheMiddleOfABatch(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	fd, street := k.Listen()
	var a *reactor.Acceptor
	accepted := 0
	a, err := reactor.NewAcceptor(l, fd, func(int, netip.AddrPort) bool {
		if accepted++; accepted%2 == 0 {
			a.Pause()
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		street.Dial(client)
	}
	reactortest.Turn(t, 3, l)
	if accepted != 2 {
		t.Fatalf("%d accepted, want 2", accepted)
	}
	a.Resume()
	reactortest.Turn(t, 3, l)
	if accepted != 4 {
		t.Fatalf("%d accepted, want 4", accepted)
	}
}

func TestConnectionErrorsDoNotStopAccepting(t *testing.T) {
	d := newDoor(t)
	for _, errno := range []unix.Errno{unix.ECONNABORTED, unix.EPROTO, unix.EPERM, unix.ENETDOWN} {
		d.street.FailAccept(errno)
	}
	d.dial(2)
	d.turn(1)
	d.wantStats(reactor.AcceptStats{Accepted: 2, Aborted: 4})
}

func TestRestForWantOfMemory(t *testing.T) {
	for _, errno := range []unix.Errno{unix.ENOBUFS, unix.ENOMEM, unix.EINVAL} {
		d := newDoor(t)
		d.street.FailAccept(errno)
		peer := d.dial(1)[0]
		d.turn(5)
		d.wantStats(reactor.AcceptStats{Rests: 1})
		d.kernel.Advance(100 * time.Millisecond)
		d.turn(2)
		d.wantStats(reactor.AcceptStats{Accepted: 1, Rests: 1})
		if closed, _ := peer.Closed(); closed {
			t.Errorf("%v: peer was sent away", errno)
		}
	}
}

func TestDescriptorLimit(t *testing.T) {
	d := newDoor(t)
	d.dial(2)
	d.turn(1)

	// Given no more descriptors, then connections are reset at once, the
	// spare is kept, and the listener rests: however many turns there are,
	// accept is tried once.
	d.kernel.LimitDescriptors(d.kernel.Descriptors())
	shed := d.dial(3)
	d.turn(50)
	d.wantStats(reactor.AcceptStats{Accepted: 2, Shed: 3, Rests: 1})
	for _, peer := range shed {
		if _, reset := peer.Closed(); !reset {
			t.Error("peer was not reset")
		}
	}

	// Given some that come during the rest, when descriptors are free again,
	// then they are accepted after it, without another one's connecting.
	waiting := d.dial(2)
	d.turn(1)
	d.kernel.LimitDescriptors(1000)
	d.turn(1)
	if d.street.Waiting() != 2 {
		t.Fatalf("%d wait during the rest, want 2", d.street.Waiting())
	}
	d.kernel.Advance(100 * time.Millisecond)
	d.turn(2)
	d.wantStats(reactor.AcceptStats{Accepted: 4, Shed: 3, Rests: 1})
	for _, peer := range waiting {
		if closed, _ := peer.Closed(); closed {
			t.Error("peer was sent away though there were descriptors")
		}
	}
	if n := bytes.Count(d.log.Bytes(), []byte("level=WARN")); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, &d.log)
	}
}

func TestShedInBatchesAndWarnSeldom(t *testing.T) {
	d := newDoor(t)
	d.kernel.LimitDescriptors(d.kernel.Descriptors())
	d.dial(1000)
	for rest := uint64(1); rest <= 5; rest++ {
		d.turn(3)
		d.wantStats(reactor.AcceptStats{Shed: 64 * rest, Rests: rest})
		d.kernel.Advance(100 * time.Millisecond)
	}
	if n := bytes.Count(d.log.Bytes(), []byte("level=WARN")); n != 1 {
		t.Errorf("%d warnings in half a second, want 1:\n%s", n, &d.log)
	}
	d.kernel.Advance(10 * time.Second)
	d.turn(2)
	if n := bytes.Count(d.log.Bytes(), []byte("level=WARN")); n != 2 {
		t.Errorf("%d warnings after ten seconds, want 2:\n%s", n, &d.log)
	}
}

func TestSpareIsLostAndFoundAgain(t *testing.T) {
	d := newDoor(t)
	// Given that somebody else takes even the spare's place, then nothing can
	// be shed; the connection waits.
	d.kernel.LimitDescriptors(0)
	peer := d.dial(1)[0]
	d.turn(5)
	d.wantStats(reactor.AcceptStats{Rests: 1})
	if closed, _ := peer.Closed(); closed {
		t.Error("peer was sent away")
	}
	// When there is room for one descriptor it becomes the spare, and the next
	// connection is shed with it.
	d.kernel.LimitDescriptors(d.kernel.Descriptors() + 1)
	d.kernel.Advance(100 * time.Millisecond)
	d.turn(5)
	d.wantStats(reactor.AcceptStats{Shed: 1, Rests: 2})
}

func TestPauseDuringARest(t *testing.T) {
	d := newDoor(t)
	d.street.FailAccept(unix.ENOMEM)
	d.turn(1)
	d.Pause()
	d.dial(1)
	d.kernel.Advance(time.Second)
	d.turn(3)
	if len(d.fds) != 0 {
		t.Error("accepted while paused: the end of a rest must not undo Pause")
	}
	d.Resume()
	d.turn(1)

	d.street.FailAccept(unix.ENOMEM)
	d.dial(1)
	d.turn(1)
	d.Pause()
	d.Resume()
	d.turn(3)
	if len(d.fds) != 1 {
		t.Error("accepted during a rest: Resume must not end it")
	}
	d.kernel.Advance(time.Second)
	d.turn(2)
	if len(d.fds) != 2 {
		t.Errorf("%d accepted in the end, want 2", len(d.fds))
	}
}

func TestAcceptorClose(t *testing.T) {
	d := newDoor(t)
	d.street.FailAccept(unix.ENOMEM)
	peer := d.dial(1)[0]
	d.turn(1)
	d.Close()
	d.Close()
	d.Resume()
	d.kernel.Advance(time.Second)
	d.turn(3)
	if _, reset := peer.Closed(); !reset {
		t.Error("connection in the backlog was not reset")
	}
	if n := d.kernel.Descriptors(); n != 0 {
		t.Errorf("%d descriptors left", n)
	}
	if late := d.dial(1)[0]; !late.Ended() {
		t.Error("connected to a closed listener")
	}
}

func TestNewAcceptorWithoutDescriptors(t *testing.T) {
	k := reactortest.NewKernel()
	l, _ := reactortest.NewLoop(t, k, reactor.Options{})
	fd, _ := k.Listen()
	k.LimitDescriptors(1)
	if _, err := reactor.NewAcceptor(l, fd, nil); err == nil {
		t.Error("acceptor without a spare descriptor")
	}
	if n := k.Descriptors(); n != 1 {
		t.Errorf("%d descriptors open, want the listener's", n)
	}
}
