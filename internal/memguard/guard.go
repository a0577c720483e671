package memguard

import (
	"context"
	"log/slog"
	"math"
	"sync/atomic"
	"time"
)

const (
	// collectRest is the least time between two collections that the guard asks for. collectPart is
	// how many times as long as the last collection it waits, so that they never cost more than a
	// small part of a processor.
	collectRest = time.Second
	collectPart = 20
	// hurriedPart is collectPart while publishers wait or streams are shed.
	hurriedPart = 4
	// actRest is the least time between two rounds of shedding.
	actRest = 250 * time.Millisecond
	// creditPart is how much of the free memory may be published before the next check, one part in
	// so many: a message is in memory several times while it is read. creditLeast is the least
	// credit after a collection.
	creditPart  = 8
	creditLeast = 64 << 10
	// shedPart is how many of the blocked streams are ended in one round: one in so many, and at
	// least shedLeast.
	shedPart  = 8
	shedLeast = 16
	// shedTimeout bounds the wait for the event loops.
	shedTimeout = 5 * time.Second
)

// Target is the daemon as far as the guard measures and acts on it. Its methods are called by one
// goroutine.
type Target interface {
	// Load returns what the streams hold. It waits for nobody.
	Load() Load
	// SetCredit sets how many bytes publishers may publish until it is called again.
	SetCredit(bytes int64)
	// RefuseStreams has new streams refused, or accepted again. It waits for nobody.
	RefuseStreams(refuse bool)
	// Shed ends about most of the streams with the longest queues and returns how many it has
	// ended.
	Shed(ctx context.Context, most int) (ended int, err error)
	// HalveHistory drops the older half of the history and returns the number of its events.
	HalveHistory(now time.Time) (forgotten int)
}

// Load is what the streams hold.
type Load struct {
	QueuedBytes int64 // still to be sent; streams share events, so this is not memory
	Blocked     int   // streams whose client does not read what the kernel holds for it
}

// Limits are the settings of the guard.
type Limits struct {
	Memory           int64 // bytes; 0: the budget that was found
	KernelBytes      int   // of each stream, while its client does not read
	QueuedBytesTotal int64 // streams are shed beyond it; 0: no limit
}

// Options are what New needs. All fields are required.
type Options struct {
	Logger *slog.Logger
	Meter  Meter
	Found  Budget        // applies while Limits.Memory is 0
	Limits func() Limits // as they are now
}

// Guard keeps the daemon within its budget. One goroutine owns it, that of Run; Starve, Figures and
// what is made of figures may be called from anywhere.
type Guard struct {
	// Fixed after creation.
	log    *slog.Logger
	meter  Meter
	found  Budget
	limits func() Limits

	// Owned by the guard's goroutine.
	target      Target // set by Protect
	setting     int64  // Limits.Memory that the budget was made of
	budget      Budget
	heapLimit   int64 // set in the collector; 0: none yet
	pressure    Pressure
	nextCollect time.Time // not before
	nextHurried time.Time // the same while publishers wait
	nextAct     time.Time
	isLogged    bool // that memory was freed, since the pressure changed
	peak        int64
	counts      Counts

	// Safe for concurrent use.
	starved chan struct{} // capacity 1: publishers have used up their credit
	figures atomic.Pointer[Figures]
}

// Figures are the result of the last check. They are never changed.
type Figures struct {
	Budget   Budget
	Use      Use
	Pressure Pressure
	Peak     int64 // the largest Use.Live of all checks
	Counts   Counts
}

// Counts are totals since the start.
type Counts struct {
	Short     uint64 // times that memory began to run short
	Shed      uint64 // streams ended
	Forgotten uint64 // events dropped from the history
}

// New makes a guard with the budget of the limits.
func New(o Options) *Guard {
	g := &Guard{log: o.Logger, meter: o.Meter, found: o.Found, limits: o.Limits, starved: make(chan struct{}, 1)}
	g.setBudget(o.Limits().Memory)
	g.publish(g.meter.Measure(0))
	return g
}

// Protect makes target what the guard acts on and lends its publishers their first credit. It is
// called before Run.
func (g *Guard) Protect(target Target, now time.Time) {
	g.target = target
	g.lend(now, g.meter.Measure(0), true)
}

// BudgetOf returns the budget under a setting of Limits.Memory.
func (g *Guard) BudgetOf(setting int64) Budget {
	if setting > 0 {
		return Budget{Bytes: setting, From: "limits.memory"}
	}
	return g.found
}

// Figures returns the result of the last check.
func (g *Guard) Figures() Figures { return *g.figures.Load() }

// Starve tells the guard that publishers have used up their credit. It never waits.
func (g *Guard) Starve() {
	select {
	case g.starved <- struct{}{}:
	default: // the guard knows already
	}
}

// check measures, and acts as the pressure demands. It returns how long to wait before the next
// check because publishers have no credit and only a collection can tell whether they may have
// some; 0: the usual interval.
func (g *Guard) check(now time.Time, isStarved bool) (again time.Duration) {
	limits := g.limits()
	if limits.Memory != g.setting {
		g.setBudget(limits.Memory)
		g.logBudget()
	}
	load := g.target.Load()
	kernel := int64(load.Blocked) * int64(limits.KernelBytes)
	g.limitHeap(kernel)
	use := g.meter.Measure(kernel)
	due := g.nextCollect
	if isStarved {
		due = g.nextHurried
	}
	isFresh := false
	if g.isDoubtful(use) && !now.Before(due) {
		g.collect(now)
		use, isFresh = g.meter.Measure(kernel), true
	}
	g.setPressure(g.pressure.next(use.Live, g.budget.Bytes), use)
	overQueued := limits.QueuedBytesTotal > 0 && load.QueuedBytes > limits.QueuedBytesTotal
	if (g.pressure >= Shed || overQueued) && !now.Before(g.nextAct) {
		g.act(now, load.Blocked, overQueued)
		g.nextAct = now.Add(actRest)
		if g.pressure >= Shed {
			g.collect(now) // otherwise the next check would not see the effect
			g.nextAct = later(g.nextAct, g.nextHurried)
			use, isFresh = g.meter.Measure(kernel), true
		}
	}
	g.publish(use)
	return g.lend(now, use, isFresh)
}

// setBudget applies another budget, also to the collector.
func (g *Guard) setBudget(setting int64) {
	g.setting, g.budget, g.heapLimit = setting, g.BudgetOf(setting), 0
	g.limitHeap(0)
}

func (g *Guard) logBudget() {
	g.log.Info("memory budget", "bytes", g.budget.Bytes, "from", g.budget.From)
}

// limitHeap has the collector keep the heap within what the kernel's memory leaves of the budget,
// less a margin, since the heap may exceed the limit for a moment. Setting the limit stops the
// world, so small changes are ignored.
func (g *Guard) limitHeap(kernel int64) {
	switch {
	case g.budget.Bytes == 0:
		return
	case g.budget.isGoLimit:
		if g.heapLimit == 0 { // another limit may have applied
			g.heapLimit = g.budget.Bytes
			g.meter.Limit(g.heapLimit)
		}
		return
	}
	limit := max(g.budget.Bytes/100*enterPercent[Forget]-kernel, g.budget.Bytes/2)
	if diff := limit - g.heapLimit; diff > g.budget.Bytes/16 || diff < -g.budget.Bytes/16 || g.heapLimit == 0 {
		g.heapLimit = limit
		g.meter.Limit(limit)
	}
}

// isDoubtful reports whether only a collection can tell the pressure: either garbage may make it
// look higher than it is, or it may be over.
func (g *Guard) isDoubtful(use Use) bool {
	if g.budget.Bytes == 0 {
		return false
	}
	return g.pressure != None || None.next(use.Most, g.budget.Bytes) != None
}

// collect runs the collector and sets when it may run again.
func (g *Guard) collect(now time.Time) {
	took := g.meter.Collect()
	g.nextCollect = now.Add(max(collectRest, collectPart*took))
	g.nextHurried = now.Add(hurriedPart * took)
}

// setPressure is the only place where the pressure changes.
func (g *Guard) setPressure(p Pressure, use Use) {
	if p == g.pressure {
		return
	}
	args := []any{"pressure", p.String(), "used", use.Live, "kernel", use.Kernel, "budget", g.budget.Bytes}
	if g.pressure == None {
		g.counts.Short++
	}
	if p > g.pressure {
		g.log.Warn("memory runs short", args...)
	} else {
		g.log.Info("memory is less short", args...)
	}
	g.pressure, g.isLogged = p, false
	g.target.RefuseStreams(p >= Refuse)
}

// act frees memory.
func (g *Guard) act(now time.Time, blocked int, overQueued bool) {
	ctx, cancel := context.WithTimeout(context.Background(), shedTimeout)
	defer cancel()
	ended, err := g.target.Shed(ctx, max(shedLeast, blocked/shedPart))
	if err != nil {
		g.log.Warn("the loops are slow to end streams", "err", err)
	}
	g.counts.Shed += uint64(ended)
	forgotten := 0
	if g.pressure >= Forget {
		forgotten = g.target.HalveHistory(now)
		g.counts.Forgotten += uint64(forgotten)
	}
	report := g.log.Info
	if g.isLogged || ended+forgotten == 0 {
		report = g.log.Debug // once per level is enough
	}
	g.isLogged = true
	report("memory freed", "streams_ended", ended, "events_forgotten", forgotten, "queues_full", overQueued)
}

// lend gives publishers their credit until the next check. Everything allocated since the last
// collection counts as live, since it may be; so without free memory there is credit only right
// after a collection (isFresh).
func (g *Guard) lend(now time.Time, use Use, isFresh bool) (again time.Duration) {
	if g.budget.Bytes == 0 {
		g.target.SetCredit(math.MaxInt64)
		return 0
	}
	free := g.budget.Bytes/100*enterPercent[Forget] - use.Most
	if credit := free / creditPart; credit >= creditLeast || isFresh {
		g.target.SetCredit(max(credit, creditLeast))
		return 0
	}
	g.target.SetCredit(0)
	return max(g.nextHurried.Sub(now), time.Millisecond)
}

// publish makes the figures of this check visible.
func (g *Guard) publish(use Use) {
	g.peak = max(g.peak, use.Live)
	g.figures.Store(&Figures{Budget: g.budget, Use: use, Pressure: g.pressure, Peak: g.peak, Counts: g.counts})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
