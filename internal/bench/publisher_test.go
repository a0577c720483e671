package bench

import (
	"errors"
	"testing"
	"time"
)

func TestUntilIsNeverEarly(t *testing.T) {
	t.Parallel()
	for _, d := range []time.Duration{-time.Second, 0, 300 * time.Microsecond, 5 * time.Millisecond} {
		at := time.Now().Add(d)
		if !until(at, nil) || time.Now().Before(at) {
			t.Errorf("%v: %v early", d, time.Until(at))
		}
	}
	stop := make(chan struct{})
	close(stop)
	if until(time.Now().Add(time.Hour), stop) || until(time.Now(), stop) {
		t.Error("a wait that was stopped came to its end")
	}
}

// publishTo is a publisher to a control port that answers every line, for streams that never
// receive anything.
func publishTo(t *testing.T, o Options) *publisher {
	t.Helper()
	d, err := DialClassic(t.Context(), "tcp", control(t, func(string) string { return "ok" }), 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Close()
		<-d.ended
	})
	c := &workers{changed: make(chan struct{}, 1), list: []*worker{{first: 0, last: 10, rooms: o.Rooms}}}
	return newPublisher(o, d, c)
}

func TestOpenLoopKeepsItsRate(t *testing.T) {
	t.Parallel()
	p := publishTo(t, Options{Rooms: 3, Rate: 500, Size: MinSize, Run: "0badcafe", Timeout: 30 * time.Second})
	stop := make(chan struct{})
	start := time.Now()
	time.AfterFunc(200*time.Millisecond, func() { close(stop) })
	if err := p.run(stop); err != nil {
		t.Fatal(err)
	}
	// However late a message was, those due until now have been sent, and no others.
	if most := uint64(time.Since(start).Seconds()*500) + 1; p.total < 10 || p.total > most {
		t.Errorf("%d messages in %v, want 500 a second", p.total, time.Since(start))
	}
	for i, n := range p.numbers() {
		if want := (p.total + 2 - uint64(i)) / 3; n != want {
			t.Errorf("room %d has %d of %d messages, want %d", i, n, p.total, want)
		}
	}
}

func TestClosedLoopStopsAtItsWindow(t *testing.T) {
	t.Parallel()
	p := publishTo(t, Options{Rooms: 2, InFlight: 5, Size: MinSize, Run: "0badcafe", Timeout: 300 * time.Millisecond})
	if err := p.run(nil); !errors.Is(err, errStalled) {
		t.Errorf("error %v, want that nothing arrives", err)
	}
	if p.total != 5 {
		t.Errorf("%d messages, want 5", p.total)
	}
	p.workers.list[0].completed.Store(3)
	if err := p.run(nil); !errors.Is(err, errStalled) || p.total != 8 {
		t.Errorf("%d messages after 3 have arrived, want 8; %v", p.total, err)
	}
}

func TestPublisherNoticesTheEndOfItsConnection(t *testing.T) {
	t.Parallel()
	p := publishTo(t, Options{Rooms: 1, InFlight: 5, Size: MinSize, Run: "0badcafe", Timeout: 30 * time.Second})
	p.conn.Close()
	if err := p.run(nil); !errors.Is(err, ErrPublish) {
		t.Errorf("closed loop: error %v", err)
	}
	p.o.InFlight, p.o.Rate = 0, 100
	if err := p.run(nil); !errors.Is(err, ErrPublish) {
		t.Errorf("open loop: error %v", err)
	}
	if err := p.acknowledged(t.Context()); !errors.Is(err, ErrPublish) {
		t.Errorf("waiting for answers: error %v", err)
	}
}
