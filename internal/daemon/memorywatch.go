package daemon

import (
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/config"
)

const (
	// memoryInterval is how often the memory in use is looked at. It costs some microseconds.
	memoryInterval = 250 * time.Millisecond
	// memoryRest is the least time between two collections that the watch asks for, and memoryPart how many times as
	// long as the last one took: so they never cost more than a small part of a processor.
	memoryRest = time.Second
	memoryPart = 20
	// memoryHurry is memoryPart while publishers wait, or streams are ended.
	memoryHurry = 4
	// memoryActRest is the least time between two times that streams are ended.
	memoryActRest = 250 * time.Millisecond
	// creditPart is how much of the room that is left may be published before the next look, one part in so many: a
	// message is in memory several times while it is read. creditLeast is what there is after a collection in any case.
	creditPart  = 8
	creditLeast = 64 << 10
	// shedPart is how many of the streams that do not take what is sent are ended at a time: one in so many.
	shedPart  = 8
	shedLeast = 16
	// shedTimeout bounds what is asked of the loops.
	shedTimeout = 5 * time.Second
)

// memoryUse is what is in use at one moment.
type memoryUse struct {
	live   int64 // what the last collection of garbage has left, and what is not heap
	most   int64 // the same with all that was allocated since, garbage or not
	kernel int64 // of both: what the kernel holds for clients that do not take it
	cycles uint64
}

// memoryMeter measures.
type memoryMeter struct {
	samples []metrics.Sample
}

func newMemoryMeter() *memoryMeter {
	m := &memoryMeter{}
	for _, name := range []string{
		"/gc/heap/live:bytes",
		"/memory/classes/heap/objects:bytes",
		"/memory/classes/heap/unused:bytes",
		"/memory/classes/heap/free:bytes",
		"/memory/classes/heap/released:bytes",
		"/memory/classes/total:bytes",
		"/gc/cycles/total:gc-cycles",
	} {
		m.samples = append(m.samples, metrics.Sample{Name: name})
	}
	return m
}

// measure asks the runtime. kernel is what is known of the kernel's memory.
func (m *memoryMeter) measure(kernel int64) memoryUse {
	metrics.Read(m.samples)
	value := func(i int) int64 { return int64(m.samples[i].Value.Uint64()) }
	live, objects, unused, free, released, total := value(0), value(1), value(2), value(3), value(4), value(5)
	rest := total - objects - unused - free - released // stacks, and what the runtime needs itself
	if live == 0 {                                     // nothing was collected yet
		live = objects
	}
	return memoryUse{
		live:   live + rest + kernel,
		most:   max(objects, live) + rest + kernel,
		kernel: kernel,
		cycles: m.samples[6].Value.Uint64(),
	}
}

// memoryWatch keeps the daemon within its budget. One goroutine owns it; what others ask for is atomic.
type memoryWatch struct {
	// Fixed after creation.
	d     *Daemon
	meter *memoryMeter
	found budget // where limits.memory says nothing

	// Owned by the watch's goroutine.
	setting     int64 // limits.memory that the budget was found with
	budget      budget
	goLimit     int64 // given to the collector; 0: none yet
	level       pressure
	nextCollect time.Time // not before
	nextHurried time.Time // the same while publishers wait
	nextAct     time.Time
	isTold      bool // that memory was freed, since the level changed

	starved chan struct{} // capacity 1: publishers have used up their credit

	// For those who ask.
	shown  atomic.Pointer[memoryFigures]
	peak   int64
	counts memoryCounts
}

// memoryFigures are what was found at the last look.
type memoryFigures struct {
	budget budget
	use    memoryUse
	level  pressure
	peak   int64
	counts memoryCounts
}

// memoryCounts are what was done so far.
type memoryCounts struct {
	short           uint64 // times that memory began to run short
	shed, forgotten uint64
}

func newMemoryWatch(d *Daemon, s *config.Settings) *memoryWatch {
	w := &memoryWatch{d: d, meter: newMemoryMeter(), found: d.found, starved: make(chan struct{}, 1)}
	w.setBudget(s.Limits.Memory)
	w.show(w.meter.measure(0))
	return w
}

// budgetOf is the budget under a setting of limits.memory.
func (w *memoryWatch) budgetOf(setting int64) budget {
	if setting > 0 {
		return budget{bytes: setting, from: "limits.memory"}
	}
	return w.found
}

// setBudget puts another budget in force, and lets the collector go by it.
func (w *memoryWatch) setBudget(setting int64) {
	w.setting, w.budget, w.goLimit = setting, w.budgetOf(setting), 0
	w.limitCollector(0)
}

// limitCollector makes the collector keep the heap within what the kernel's memory leaves of the budget, less a little,
// since it lets the heap grow beyond for a moment. It stops the world, so small changes do not count.
func (w *memoryWatch) limitCollector(kernel int64) {
	switch {
	case w.budget.bytes == 0:
		return
	case w.budget.isGoLimit:
		if w.goLimit == 0 { // another may have been in force
			w.goLimit = w.budget.bytes
			debug.SetMemoryLimit(w.goLimit)
		}
		return
	}
	limit := max(w.budget.bytes/100*pressureEnter[pressureForget]-kernel, w.budget.bytes/2)
	if diff := limit - w.goLimit; diff > w.budget.bytes/16 || diff < -w.budget.bytes/16 || w.goLimit == 0 {
		w.goLimit = limit
		debug.SetMemoryLimit(limit)
	}
}

// watchMemory looks at the memory in use until stop is closed.
func (d *Daemon) watchMemory(stop <-chan struct{}) {
	tick := time.NewTicker(memoryInterval)
	defer tick.Stop()
	w := d.memory
	d.log.Info("memory budget", "bytes", w.budget.bytes, "from", w.budget.from)
	again := time.NewTimer(0) // when publishers wait for a collection
	defer again.Stop()
	for {
		isStarved := false
		select {
		case <-tick.C:
		case <-again.C:
			isStarved = true
		case <-w.starved:
			isStarved = true
		case <-stop:
			return
		}
		now := time.Now()
		if wait := w.look(now, isStarved); wait > 0 {
			again.Reset(wait)
		}
	}
}

// starve is told by the hub that the credit is used up.
func (w *memoryWatch) starve() {
	select {
	case w.starved <- struct{}{}:
	default: // it is known already
	}
}

// look measures, and does what the level calls for. It answers after which time to look again because publishers have no
// credit and only a collection could tell whether they may have some; 0: as usual.
func (w *memoryWatch) look(now time.Time, isStarved bool) (again time.Duration) {
	s := w.d.settings.Load()
	if s.Limits.Memory != w.setting {
		w.setBudget(s.Limits.Memory)
		w.d.log.Info("memory budget", "bytes", w.budget.bytes, "from", w.budget.from)
	}
	load := w.d.edge.Load()
	kernel := int64(load.Blocked) * int64(s.Limits.KernelBytes)
	w.limitCollector(kernel)
	use := w.meter.measure(kernel)
	due := w.nextCollect
	if isStarved {
		due = w.nextHurried
	}
	isFresh := false
	if w.isDoubtful(use) && !now.Before(due) {
		w.collect(now)
		use, isFresh = w.meter.measure(kernel), true
	}
	w.enter(w.level.next(use.live, w.budget.bytes), use)
	overQueued := s.Limits.QueueBytesTotal > 0 && load.QueuedBytes > s.Limits.QueueBytesTotal
	if (w.level >= pressureShed || overQueued) && !now.Before(w.nextAct) {
		w.act(load.Blocked, overQueued)
		w.nextAct = now.Add(memoryActRest)
		if w.level >= pressureShed {
			w.collect(now) // or the next look would not know what it has brought
			w.nextAct = later(w.nextAct, w.nextHurried)
			use, isFresh = w.meter.measure(kernel), true
		}
	}
	w.show(use)
	return w.lend(now, use, isFresh)
}

// collect runs the collector, and says when it may be run again.
func (w *memoryWatch) collect(now time.Time) {
	began := time.Now()
	runtime.GC()
	took := time.Since(began)
	w.nextCollect = now.Add(max(memoryRest, memoryPart*took))
	w.nextHurried = now.Add(memoryHurry * took)
}

// lend gives publishers their credit until the next look. What was allocated since the last collection counts as if it
// lived, since nothing else is known; so without room there is credit only right after one.
func (w *memoryWatch) lend(now time.Time, use memoryUse, isFresh bool) (again time.Duration) {
	if w.budget.bytes == 0 {
		w.d.hub.SetCredit(math.MaxInt64)
		return 0
	}
	room := (w.budget.bytes/100*pressureEnter[pressureForget] - use.most) / creditPart
	if room >= creditLeast || isFresh {
		w.d.hub.SetCredit(max(room, creditLeast))
		return 0
	}
	w.d.hub.SetCredit(0)
	return max(w.nextHurried.Sub(now), time.Millisecond)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// isDoubtful says that only a collection can tell which level it is: there is garbage that may be life, or a level
// that may be over.
func (w *memoryWatch) isDoubtful(use memoryUse) bool {
	if w.budget.bytes == 0 {
		return false
	}
	return w.level != pressureNone || pressureNone.next(use.most, w.budget.bytes) != pressureNone
}

// enter makes level the one in force, and says so when it is another one.
func (w *memoryWatch) enter(level pressure, use memoryUse) {
	if level == w.level {
		return
	}
	args := []any{"pressure", level.String(), "used", use.live, "kernel", use.kernel, "budget", w.budget.bytes}
	if w.level == pressureNone {
		w.counts.short++
	}
	if level > w.level {
		w.d.log.Warn("memory runs short", args...)
	} else {
		w.d.log.Info("memory is less short", args...)
	}
	w.level, w.isTold = level, false
	w.d.edge.RefuseStreams(level >= pressureRefuse)
}

// act frees memory.
func (w *memoryWatch) act(blocked int, overQueued bool) {
	ctx, cancel := context.WithTimeout(context.Background(), shedTimeout)
	defer cancel()
	ended, err := w.d.edge.Shed(ctx, max(shedLeast, blocked/shedPart))
	if err != nil {
		w.d.log.Warn("the loops are slow to end streams", "err", err)
	}
	w.counts.shed += uint64(ended)
	forgotten := 0
	if w.level >= pressureForget {
		forgotten = w.d.hub.HalveHistory()
		trimHistory(w.d.hub, time.Now())
		w.counts.forgotten += uint64(forgotten)
	}
	report := w.d.log.Info
	if w.isTold || ended+forgotten == 0 {
		report = w.d.log.Debug // once for each level is enough
	}
	w.isTold = true
	report("memory freed", "streams_ended", ended, "events_forgotten", forgotten, "queues_full", overQueued)
}

// show tells those who ask.
func (w *memoryWatch) show(use memoryUse) {
	w.peak = max(w.peak, use.live)
	w.shown.Store(&memoryFigures{budget: w.budget, use: use, level: w.level, peak: w.peak, counts: w.counts})
}
