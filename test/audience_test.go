package test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/delivery"
	"github.com/hassesd/hassesd/test/subscriber"
)

// audience is good streams that keep receiving while something bad goes on, and a publisher that keeps talking to them.
// At the end nothing may have been lost, doubled or reordered on any of them. How long deliveries took before and during
// the attack is reported, not judged: the machine has other things to do.
type audience struct {
	t       *testing.T
	d       *daemon
	book    *delivery.Checker
	streams sync.WaitGroup
	talker  chan struct{} // closed when the publisher has stopped
	stop    context.CancelFunc

	mu sync.Mutex
	// Guarded by mu.
	phase int // 0: before the attack, 1: during
	took  [2][]time.Duration
}

const (
	// audienceRoom is what the good streams listen to.
	audienceRoom = "audience"
	// audiencePause is between two messages to them.
	audiencePause = 20 * time.Millisecond
	// audienceQuiet is how many messages they get before the attack, to compare with.
	audienceQuiet = 25
)

// newAudience opens n good streams, half of them over TLS, and begins to talk to them.
func newAudience(t *testing.T, d *daemon, n int) *audience {
	t.Helper()
	a := &audience{t: t, d: d, book: delivery.New(), talker: make(chan struct{})}
	for i := range n {
		r := d.request("subscribe=" + audienceRoom + "&id=good" + strconv.Itoa(i))
		if i%2 == 0 {
			r = d.plain("subscribe=" + audienceRoom + "&id=good" + strconv.Itoa(i))
		}
		s, err := subscriber.Open(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		id, err := s.Preface()
		if err != nil {
			t.Fatal(err)
		}
		client := a.book.Client("good"+strconv.Itoa(i), audienceRoom)
		client.Opened(id)
		a.streams.Go(func() { a.listen(s, client) })
	}
	ctx, cancel := context.WithCancel(t.Context())
	a.stop = cancel
	heard := make(chan struct{})
	go a.talk(ctx, heard)
	select {
	case <-heard:
	case <-a.talker:
		t.Fatal("the publisher has nothing to say")
	case <-time.After(patience):
		t.Fatal("the audience hears nothing")
	}
	a.mu.Lock()
	a.phase = 1
	a.mu.Unlock()
	return a
}

// listen reads one stream to the end.
func (a *audience) listen(s *subscriber.Stream, client *delivery.Client) {
	for {
		e, err := s.Next()
		if err != nil {
			a.t.Errorf("a good stream ended: %v", err)
			return
		}
		client.Got(e.ID, e.Name, e.Data)
		if e.Data == theEnd {
			return
		}
		sent, err := strconv.ParseInt(e.Data, 10, 64)
		if err != nil {
			a.t.Errorf("a good stream got %.100q", e.Data)
			return
		}
		took := time.Since(time.Unix(0, sent))
		a.mu.Lock()
		a.took[a.phase] = append(a.took[a.phase], took)
		a.mu.Unlock()
	}
}

// talk publishes until ctx ends, and then the end. heard is closed when the quiet part is over.
func (a *audience) talk(ctx context.Context, heard chan<- struct{}) {
	defer close(a.talker)
	r, err := dialRPC("unix", a.d.socket)
	if err != nil {
		a.t.Error(err)
		return
	}
	defer r.Close()
	tick := time.NewTicker(audiencePause)
	defer tick.Stop()
	for n := 0; ; n++ {
		last := false
		select {
		case <-ctx.Done():
			last = true
		case <-tick.C:
		}
		m := delivery.Message{To: []string{audienceRoom}, Data: strconv.FormatInt(time.Now().UnixNano(), 10)}
		if last {
			m.Data = theEnd
		}
		var s sent
		if err := r.call("send", object{"to": m.To, "data": m.Data}, &s); err != nil {
			a.t.Errorf("publish to the good streams: %v", err)
			return
		}
		a.book.Sent(s.ID, m)
		if last {
			return
		}
		if n == audienceQuiet {
			close(heard)
		}
	}
}

// check says the end, waits until every good stream has heard it, and judges.
func (a *audience) check() {
	a.t.Helper()
	a.stop()
	<-a.talker
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.streams.Wait()
	}()
	select {
	case <-done:
	case <-time.After(2 * patience):
		a.t.Fatal("good streams wait for the end")
	}
	for _, wrong := range a.book.Check() {
		a.t.Error(wrong)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.took[0]) == 0 || len(a.took[1]) == 0 {
		a.t.Errorf("%d deliveries before the attack and %d during it prove nothing", len(a.took[0]), len(a.took[1]))
		return
	}
	before, during := percentile99(a.took[0]), percentile99(a.took[1])
	a.t.Logf("good streams: %s; p99 %s before, %s during, ratio %.1f",
		a.book.Totals(), before.Round(time.Microsecond), during.Round(time.Microsecond), float64(during)/float64(before))
}

func percentile99(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)*99/100]
}

// flood publishes messages of size bytes to the rooms in turn, as fast as it may, until ctx ends, it has sent n, or the
// daemon has enough. It answers how many it has sent.
func (d *daemon) flood(ctx context.Context, n, size int, rooms ...string) (int, error) {
	r, err := dialRPC("unix", d.socket)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	text := strings.Repeat("x", size)
	for i := range n {
		if ctx.Err() != nil {
			return i, nil
		}
		if err := r.call("send", object{"to": rooms[i%len(rooms)], "data": text}, nil); err != nil {
			return i, fmt.Errorf("message %d of a flood: %w", i, err)
		}
	}
	return n, nil
}

// deaf opens a stream that nobody will ever read, with as little room for it on our side as the kernel gives.
func (d *daemon) deaf(r subscriber.Request) (*subscriber.Stream, error) {
	r.ReadBuffer = 1024
	s, err := subscriber.Open(d.t.Context(), r)
	if err != nil {
		return nil, err
	}
	d.t.Cleanup(func() { s.Close() })
	if s.Status != 200 {
		return nil, errors.New("status " + strconv.Itoa(s.Status))
	}
	return s, nil
}
