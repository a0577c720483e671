package daemon

import (
	"context"
	"os"
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
	// memoryActRest and memoryActPart are the same for two sheddings, each followed by a collection that shows what it has
	// brought.
	memoryActRest = 250 * time.Millisecond
	memoryActPart = 4
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
	d     *Daemon
	meter *memoryMeter

	// Owned by the watch's goroutine.
	setting     int64 // limits.memory that the budget was found with
	budget      budget
	goLimit     int64 // given to the collector; 0: none yet
	level       pressure
	nextCollect time.Time
	nextAct     time.Time
	isTold      bool // that memory was freed, since the level changed

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
	shed, forgotten uint64
	entered         [numPressures]uint64
}

func newMemoryWatch(d *Daemon, s *config.Settings) *memoryWatch {
	w := &memoryWatch{d: d, meter: newMemoryMeter()}
	w.setBudget(s.Limits.Memory)
	w.show(w.meter.measure(0))
	return w
}

// setBudget finds the budget anew, and lets the collector go by it.
func (w *memoryWatch) setBudget(setting int64) {
	w.setting = setting
	w.budget = findBudget(setting, os.DirFS("/"))
	w.goLimit = 0
	w.limitCollector(0)
}

// limitCollector makes the collector keep the heap within what the kernel's memory leaves of the budget. It stops the
// world for a moment, so small changes do not count.
func (w *memoryWatch) limitCollector(kernel int64) {
	if w.budget.bytes == 0 || w.budget.isGoLimit {
		return
	}
	limit := max(w.budget.bytes-kernel, w.budget.bytes/2)
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
	for {
		select {
		case now := <-tick.C:
			w.look(now)
		case <-stop:
			return
		}
	}
}

// look measures, and does what the level calls for.
func (w *memoryWatch) look(now time.Time) {
	s := w.d.settings.Load()
	if s.Limits.Memory != w.setting {
		w.setBudget(s.Limits.Memory)
		w.d.log.Info("memory budget", "bytes", w.budget.bytes, "from", w.budget.from)
	}
	load := w.d.edge.Load()
	kernel := int64(load.Blocked) * int64(s.Limits.KernelBytes)
	w.limitCollector(kernel)
	use := w.meter.measure(kernel)
	if w.isDoubtful(use) && !now.Before(w.nextCollect) {
		began := time.Now()
		runtime.GC()
		w.nextCollect = now.Add(max(memoryRest, memoryPart*time.Since(began)))
		use = w.meter.measure(kernel)
	}
	w.enter(w.level.next(use.live, w.budget.bytes), use)
	overQueued := s.Limits.QueueBytesTotal > 0 && load.QueuedBytes > s.Limits.QueueBytesTotal
	if (w.level >= pressureShed || overQueued) && !now.Before(w.nextAct) {
		began := time.Now()
		w.act(load.Blocked, overQueued)
		if w.level >= pressureShed {
			runtime.GC() // or the next look would not know what it has brought
		}
		w.nextAct = now.Add(max(memoryActRest, memoryActPart*time.Since(began)))
		use = w.meter.measure(kernel)
	}
	w.show(use)
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
	if level > w.level {
		w.counts.entered[level]++
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
