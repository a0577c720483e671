package reactortest

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/reactor"
)

func TestNumbersComeBackLowestFirst(t *testing.T) {
	k := NewKernel()
	p := k.NewPoller()
	var fds []int
	for range 5 {
		fd, _ := k.Connect()
		fds = append(fds, fd)
	}
	for _, i := range []int{3, 1} {
		if err := p.CloseFD(fds[i]); err != nil {
			t.Fatal(err)
		}
	}
	if n := k.Descriptors(); n != 3 {
		t.Errorf("%d open, want 3", n)
	}
	for _, want := range []int{1, 3, 5} {
		if fd, _ := k.Connect(); fd != want {
			t.Errorf("descriptor %d, want %d", fd, want)
		}
	}
	k.LimitDescriptors(6)
	if _, err := p.Reserve(); !errors.Is(err, unix.EMFILE) {
		t.Errorf("Reserve at the limit = %v", err)
	}
}

func TestClosingTwicePanics(t *testing.T) {
	k := NewKernel()
	p := k.NewPoller()
	fd, _ := k.Connect()
	if err := p.CloseFD(fd); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	_ = p.CloseFD(fd)
}

func TestWaitIsEndedBy(t *testing.T) {
	for name, cause := range map[string]func(*Kernel, *Poller, *Peer){
		"data":        func(_ *Kernel, _ *Poller, peer *Peer) { peer.Send([]byte("x")) },
		"wake":        func(_ *Kernel, p *Poller, _ *Peer) { p.Wake() },
		"an injected": func(_ *Kernel, p *Poller, _ *Peer) { p.Inject(reactor.Event{}) },
	} {
		t.Run(name, func(t *testing.T) {
			k := NewKernel()
			p := k.NewPoller()
			fd, peer := k.Connect()
			if err := p.Add(fd, reactor.EdgeBoth, reactor.Token{}); err != nil {
				t.Fatal(err)
			}
			events := make([]reactor.Event, 8)
			if n, err := p.Wait(events, 0); n != 1 || err != nil || events[0].Events != reactor.Writable {
				t.Fatalf("first Wait = %d %v, %v", n, events[0], err)
			}
			if n, err := p.Wait(events, 0); n != 0 || err != nil {
				t.Fatalf("second Wait = %d, %v", n, err)
			}
			ended := make(chan error)
			go func() {
				_, err := p.Wait(events, -1)
				ended <- err
			}()
			cause(k, p, peer)
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTimeMovesOnlyWhenTold(t *testing.T) {
	k := NewKernel()
	l, _ := NewLoop(t, k, reactor.Options{})
	began := k.Now()
	Turn(t, 3, l)
	k.Advance(time.Hour)
	Turn(t, 1, l)
	if d := l.Now().Sub(began); d != time.Hour {
		t.Errorf("%v passed, want an hour", d)
	}
}

// TestManyConnections makes sure that a simulation of a large daemon is not
// slowed down by connections that do nothing.
func TestManyConnections(t *testing.T) {
	const many = 20_000
	k := NewKernel()
	l, _ := NewLoop(t, k, reactor.Options{})
	echoes := make([]echo, many)
	peers := make([]*Peer, many)
	for i := range echoes {
		fd, peer := k.Connect()
		peers[i] = peer
		if err := l.Add(&echoes[i].Source, fd, &echoes[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range peers {
		peers[i].Send([]byte("x"))
		if i%100 == 0 {
			Turn(t, 1, l)
		}
	}
	Turn(t, many/500+2, l)
	for i, peer := range peers {
		if string(peer.Received()) != "x" {
			t.Fatalf("connection %d did not answer", i)
		}
		echoes[i].Close()
	}
	Turn(t, 1, l)
	if n := k.Descriptors(); n != 0 {
		t.Errorf("%d descriptors left", n)
	}
	if err := l.Check(); err != nil {
		t.Error(err)
	}
}
