package memguard

import (
	"runtime/debug"
	"sync/atomic"
	"time"
)

const (
	// tidyLeast is how much garbage is worth a collection: a part of what is alive, one in so many.
	tidyLeast = 128

	// tidyRest is how many times its own length must pass after a collection until the next one, so that
	// a hundredth of the time has one at most.
	tidyRest = 100
)

// Tidier keeps the garbage of a task that returns on a timer, such as a scrape, from piling up in a
// daemon that does little else. The collector alone lets garbage grow to about as much as is alive:
// a scrape a second made 10,000 idle streams a fifth larger. Its methods may be called from any
// goroutine.
type Tidier struct {
	measure func() Use
	collect func() // collects the garbage, and returns its pages to the system
	now     func() time.Time
	running atomic.Bool // guards what follows
	next    time.Time   // no collection before
}

// NewTidier returns a Tidier of the Go runtime's heap. now is the clock, such as time.Now.
func NewTidier(now func() time.Time) *Tidier {
	meter := NewRuntimeMeter()
	return &Tidier{measure: func() Use { return meter.Measure(0) }, collect: debug.FreeOSMemory, now: now}
}

// Tidy says that the task has just left its garbage. It returns at once; a goroutine of its own
// collects if there is enough garbage and the last collection of this kind is long enough ago.
func (t *Tidier) Tidy() {
	if t.running.CompareAndSwap(false, true) {
		go t.tidy()
	}
}

func (t *Tidier) tidy() {
	defer t.running.Store(false)
	began := t.now()
	if began.Before(t.next) {
		return
	}
	if use := t.measure(); use.Most-use.Live < use.Live/tidyLeast {
		return
	}
	t.collect()
	ended := t.now()
	t.next = ended.Add(tidyRest * ended.Sub(began))
}
