package memory

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// follower notes what is applied, and has room as it is told.
type follower struct {
	mu    sync.Mutex
	room  int // records that it takes yet
	got   []eventlog.Record
	space chan struct{}
}

func newFollower(room int) *follower { return &follower{room: room, space: make(chan struct{})} }

func (f *follower) Apply(r eventlog.Record) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.room == 0 {
		return false
	}
	f.room--
	f.got = append(f.got, r)
	return true
}

func (f *follower) Rebase(sse.ID) { panic("a log in memory loses nothing") }

func (f *follower) HasRoom() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.room > 0
}

func (f *follower) Space() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.space
}

func (f *follower) give(room int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.room += room
	close(f.space)
	f.space = make(chan struct{})
}

func draft(t *testing.T) eventlog.Draft {
	t.Helper()
	d, err := eventlog.NewDraft(eventlog.Message{To: []names.Target{names.Everything}, Event: sse.Event{Data: "x"}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newLog(f *follower) *Log {
	l := New(Options{Last: sse.ID{Epoch: "e", Seq: 40}, Now: time.Now})
	l.Follow(f)
	return l
}

func TestNumbersGoOnWithoutGaps(t *testing.T) {
	t.Parallel()
	f := newFollower(100)
	l := newLog(f)
	var publishers sync.WaitGroup
	for range 4 {
		publishers.Go(func() {
			last := uint64(0)
			for range 25 {
				r, err := l.Append(t.Context(), draft(t))
				if err != nil || r.ID().Seq <= last {
					t.Errorf("Append = %v, %v after %d", r, err, last)
					return
				}
				last = r.ID().Seq
			}
		})
	}
	publishers.Wait()
	for i, r := range f.got {
		if want := uint64(41 + i); r.Frame.Seq() != want || r.Receipt.ID().Seq != want {
			t.Fatalf("record %d has the number %d, its receipt %s", i, r.Frame.Seq(), r.Receipt.ID())
		}
	}
	if got := l.Position().String(); got != "e-140" || len(f.got) != 100 {
		t.Errorf("%d records, the last one is %s", len(f.got), got)
	}
}

func TestAppendWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollower(0)
		l := newLog(f)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Append(ctx, draft(t)); !errors.Is(err, eventlog.ErrBusy) || ctx.Err() == nil {
			t.Errorf("without room: %v, the time is over: %v", err, ctx.Err())
		}
		if got := l.Position().Seq; got != 40 {
			t.Errorf("a message that found no room has the number %d", got)
		}
		appended := make(chan string)
		go func() {
			r, err := l.Append(t.Context(), draft(t))
			if err != nil {
				appended <- err.Error()
				return
			}
			appended <- r.ID().String()
		}()
		synctest.Wait()
		f.give(1)
		if got := <-appended; got != "e-41" {
			t.Errorf("with room: %s", got)
		}
	})
}

func TestCloseEndsAppending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollower(0)
		l := newLog(f)
		waiting := make(chan error)
		go func() {
			_, err := l.Append(t.Context(), draft(t))
			waiting <- err
		}()
		synctest.Wait()
		l.Close()
		if err := <-waiting; !errors.Is(err, eventlog.ErrClosed) {
			t.Errorf("who waited gets %v", err)
		}
		f.give(1)
		if _, err := l.Append(t.Context(), draft(t)); !errors.Is(err, eventlog.ErrClosed) {
			t.Errorf("who comes later gets %v", err)
		}
		l.Close() // a second time does nothing
		if len(f.got) > 0 || l.Position().Seq != 40 {
			t.Error("a closed log has taken a message")
		}
	})
}

func TestNewRefusesABadEpoch(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("New did not panic")
		}
	}()
	New(Options{Last: sse.ID{Epoch: "not an epoch"}})
}

func TestALogIsFollowedOnce(t *testing.T) {
	t.Parallel()
	l := newLog(newFollower(1))
	defer func() {
		if recover() == nil {
			t.Error("Follow did not panic")
		}
	}()
	l.Follow(newFollower(1))
}
