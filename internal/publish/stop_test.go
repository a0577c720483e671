package publish

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/hub"
)

// silentLog is a log that is elsewhere and does not answer.
type silentLog struct{ eventlog.Log }

func (silentLog) Append(ctx context.Context, _ eventlog.Draft) (*eventlog.Receipt, error) {
	<-ctx.Done()
	return nil, eventlog.ErrUnanswered
}

// Messages wait for a log that does not answer. When the daemon stops, they are refused together two seconds later, and
// what comes afterwards at once.
func TestStopEndsWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{Log: silentLog{}, Now: time.Now, Limits: func() Limits { return Limits{MessageBytes: 100} }})
		began := time.Now()
		publish := func(want time.Duration) {
			_, err := p.Publish(t.Context(), request(NewSource(DoorUnix, nil)))
			wantRefused(t, err, LogAway, "")
			if took := time.Since(began); took != want {
				t.Errorf("refused %s after the beginning, want %s", took, want)
			}
		}
		publish(roomTimeout)
		began = time.Now()
		for range 3 {
			go publish(5*time.Second + lastWait)
		}
		<-time.After(5 * time.Second)
		p.StopWaiting()
		<-time.After(time.Second)
		go publish(5*time.Second + lastWait)
		<-time.After(time.Second)
		synctest.Wait()
		publish(5*time.Second + lastWait) // it does not wait at all
		p.StopWaiting()
	})
}

// A daemon that stops holds nobody back any more.
func TestStopEndsThePace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(hub.Options{})
		h.limits.Pace = Pace{Messages: 1}
		h.StopWaiting()
		s, began := NewSource(DoorHTTP, nil), time.Now()
		for range 5 {
			if _, err := h.Publish(t.Context(), request(s)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("five messages took %s, want no time", took)
		}
	})
}
