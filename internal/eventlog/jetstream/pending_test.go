package jetstream

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
)

// A publisher can leave while its record is taken and cannot be applied. It must leave nothing behind that keeps the key.
func TestAPublisherThatLeavesMeanwhileIsNotRestored(t *testing.T) {
	t.Parallel()
	l := New(Options{Name: "push", Node: "n", Boot: "b", Now: time.Now})
	key := eventlog.Key{ID: "k"}
	p, id, _ := l.register(key)
	own := l.take(id)
	l.restore(id, own)
	if again, _, _ := l.register(key); own != p || again != nil {
		t.Error("a publisher that waits was not restored")
	}
	l.restore(id, l.take(id))
	own = l.take(id)
	l.forget(id, p)
	l.restore(id, own)
	if again, _, _ := l.register(key); again == nil {
		t.Error("the key is kept for a publisher that has left")
	}
}

// How long a message waits counts from the beginning of the session on: what was before is not this broker's fault.
func TestHowLongMessagesWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, _ := followed(t, &fakeBroker{leader: "b0"})
		began := time.Now()
		if got := l.waiting(began, time.Now()); got != 0 {
			t.Errorf("nobody waits, and that for %s", got)
		}
		l.register(eventlog.Key{})
		pass(time.Second)
		l.register(eventlog.Key{})
		pass(time.Second)
		if got := l.waiting(began, time.Now()); got != 2*time.Second {
			t.Errorf("the oldest has waited for %s", got)
		}
		if got := l.waiting(time.Now(), time.Now()); got != 0 {
			t.Errorf("in a new session, it has waited for %s", got)
		}
	})
}
