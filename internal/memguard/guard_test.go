package memguard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// The machine of these tests: a budget of 100 MB, of which 1 MB is one percent.
const mb = 1_000_000

// fakeMeter is a heap whose garbage disappears with a collection.
type fakeMeter struct {
	live, garbage int64
	took          time.Duration // of a collection
	collections   int
	limits        []int64
}

func (m *fakeMeter) Measure(kernel int64) Use {
	return Use{Live: m.live + kernel, Most: m.live + m.garbage + kernel, Kernel: kernel}
}

func (m *fakeMeter) Collect() time.Duration {
	m.collections++
	m.garbage = 0
	return m.took
}

func (m *fakeMeter) Limit(bytes int64) { m.limits = append(m.limits, bytes) }

// fakeTarget records what the guard does. A stream that it ends frees a megabyte.
type fakeTarget struct {
	meter   *fakeMeter
	load    Load
	shedErr error

	credit int64
	done   []string
}

func (f *fakeTarget) Load() Load                 { return f.load }
func (f *fakeTarget) SetCredit(bytes int64)      { f.credit = bytes }
func (f *fakeTarget) RefuseStreams(is bool)      { f.done = append(f.done, fmt.Sprintf("refuse %t", is)) }
func (f *fakeTarget) HalveHistory(time.Time) int { f.done = append(f.done, "halve"); return 7 }

func (f *fakeTarget) Shed(_ context.Context, most int) (int, error) {
	f.done = append(f.done, fmt.Sprintf("shed %d", most))
	n := min(most, f.load.Blocked)
	f.load.Blocked -= n
	f.meter.live -= int64(n) * mb
	return n, f.shedErr
}

// guarded is a guard over a fake machine, at an explicit time.
type guarded struct {
	*Guard
	t      *testing.T
	meter  *fakeMeter
	target *fakeTarget
	limits Limits
	log    strings.Builder
	now    time.Time
}

func newGuarded(t *testing.T, memory int64) *guarded {
	t.Helper()
	w := &guarded{t: t, meter: &fakeMeter{live: 10 * mb, took: 10 * time.Millisecond}, limits: Limits{Memory: memory}, now: time.Unix(1e9, 0)}
	w.target = &fakeTarget{meter: w.meter}
	w.Guard = New(Options{
		Logger: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Meter:  w.meter,
		Limits: func() Limits { return w.limits },
	})
	w.Protect(w.target, w.now)
	return w
}

// after has the guard check some time later and returns what it did to the target.
func (w *guarded) after(d time.Duration, isStarved bool) (done []string, again time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(d)
	w.target.done = nil
	again = w.check(w.now, isStarved)
	return w.target.done, again
}

func (w *guarded) want(what string, got, want []string) {
	w.t.Helper()
	if !slices.Equal(got, want) {
		w.t.Errorf("%s: did %q, want %q", what, got, want)
	}
}

func TestPressureRisesAndFallsByMeasures(t *testing.T) {
	w := newGuarded(t, 100*mb)
	done, _ := w.after(checkInterval, false)
	w.want("much is free", done, nil)

	w.meter.live = 81 * mb
	done, _ = w.after(checkInterval, false)
	w.want("81 %", done, []string{"refuse true"})

	w.meter.live, w.target.load.Blocked = 91*mb, 3
	done, _ = w.after(collectRest, false)
	w.want("91 %", done, []string{"refuse true", "shed 16"})
	if f := w.Figures(); f.Pressure != Shed || f.Counts != (Counts{Short: 1, Shed: 3}) || f.Use.Live != 88*mb || f.Peak != 88*mb {
		t.Errorf("figures after shedding: %+v", f)
	}

	w.meter.live, w.target.load.Blocked = 96*mb, 800
	done, _ = w.after(collectRest, false)
	w.want("96 %", done, []string{"refuse true", "shed 100", "halve"})

	w.meter.live = 10 * mb
	done, _ = w.after(collectRest, false)
	w.want("all is well again", done, []string{"refuse false"})
	f := w.Figures()
	if f.Pressure != None || f.Counts != (Counts{Short: 1, Shed: 103, Forgotten: 7}) {
		t.Errorf("figures at the end: %+v", f)
	}
	for _, line := range []string{
		`level=WARN msg="memory runs short" pressure=refuse`, `level=INFO msg="memory freed" streams_ended=3`,
		`events_forgotten=7`, `level=INFO msg="memory is less short" pressure=none`,
	} {
		if !strings.Contains(w.log.String(), line) {
			t.Errorf("the log lacks %q:\n%s", line, &w.log)
		}
	}
}

func TestGarbageIsNoPressure(t *testing.T) {
	w := newGuarded(t, 100*mb)
	w.meter.garbage = 85 * mb
	if done, _ := w.after(checkInterval, false); len(done) > 0 || w.meter.collections != 1 {
		t.Errorf("did %q, with %d collections", done, w.meter.collections)
	}
	// The next collection must not come too soon, since they cost.
	w.meter.garbage = 85 * mb
	w.after(collectRest/2, false)
	if w.meter.collections != 1 {
		t.Errorf("collected %d times within %s", w.meter.collections, collectRest)
	}
	w.after(collectRest/2, false)
	if w.meter.collections != 2 {
		t.Errorf("collected %d times after %s", w.meter.collections, collectRest)
	}
	w.meter.garbage, w.meter.took = 85*mb, time.Second
	w.after(collectRest, false)
	w.meter.garbage = 85 * mb
	if w.after(collectRest, false); w.meter.collections != 3 {
		t.Errorf("a collection of %s was followed by another after %s", w.meter.took, collectRest)
	}
}

func TestPublishersHaveCreditForAPartOfWhatIsFree(t *testing.T) {
	w := newGuarded(t, 100*mb)
	if want := int64(95-10) * mb / creditPart; w.target.credit != want {
		t.Errorf("first credit %d, want %d", w.target.credit, want)
	}
	w.meter.live = 70 * mb
	if w.after(checkInterval, false); w.target.credit != 25*mb/creditPart {
		t.Errorf("credit %d with 70 MB in use", w.target.credit)
	}
	// Garbage leaves no room; the collection that would free it is due only after some rest.
	w.meter.garbage = 25 * mb
	w.after(checkInterval, false)
	w.meter.garbage = 25 * mb
	_, again := w.after(time.Millisecond, true)
	if w.target.credit != 0 || again <= 0 || again > hurriedPart*w.meter.took {
		t.Errorf("credit %d, next check after %s", w.target.credit, again)
	}
	if w.after(again, true); w.target.credit != 25*mb/creditPart || w.meter.collections != 2 {
		t.Errorf("credit %d after %d collections", w.target.credit, w.meter.collections)
	}
	// Even with nothing free, a fresh measurement lends a little, so that nobody waits for ever.
	w.meter.live = 99 * mb
	if w.after(time.Minute, true); w.target.credit != creditLeast {
		t.Errorf("credit %d with nothing free", w.target.credit)
	}
}

func TestFullQueuesAreShedWithoutPressure(t *testing.T) {
	w := newGuarded(t, 100*mb)
	w.limits.QueuedBytesTotal = 1000
	w.target.load = Load{QueuedBytes: 1001, Blocked: 2}
	done, _ := w.after(checkInterval, false)
	w.want("queues over their limit", done, []string{"shed 16"})
	done, _ = w.after(actRest/2, false)
	w.want("too soon after", done, nil)
	w.target.shedErr = errors.New("busy")
	done, _ = w.after(actRest, false)
	w.want("once more", done, []string{"shed 16"})
	if !strings.Contains(w.log.String(), "the loops are slow to end streams") {
		t.Errorf("the log lacks the error:\n%s", &w.log)
	}
	w.target.load.QueuedBytes = 1000
	done, _ = w.after(actRest, false)
	w.want("queues at their limit", done, nil)
}

func TestTheKernelsMemoryCounts(t *testing.T) {
	w := newGuarded(t, 100*mb)
	w.limits.KernelBytes, w.target.load.Blocked = mb, 75
	done, _ := w.after(checkInterval, false)
	w.want("10 MB of ours and 75 MB of the kernel's", done, []string{"refuse true"})
	if f := w.Figures(); f.Use.Kernel != 75*mb {
		t.Errorf("figures: %+v", f)
	}
	// The heap keeps at least half of the budget.
	if want := []int64{95 * mb, 50 * mb}; !slices.Equal(w.meter.limits, want) {
		t.Errorf("limits of the heap %v, want %v", w.meter.limits, want)
	}
	w.target.load.Blocked = 74
	if w.after(checkInterval, false); len(w.meter.limits) != 2 {
		t.Errorf("a small change set the limit again: %v", w.meter.limits)
	}
}

func TestTheBudgetFollowsItsSetting(t *testing.T) {
	w := newGuarded(t, 0)
	if w.target.credit != math.MaxInt64 || len(w.meter.limits) > 0 {
		t.Errorf("without a budget: credit %d, limits %v", w.target.credit, w.meter.limits)
	}
	w.meter.live = 1 << 40
	done, _ := w.after(checkInterval, false)
	w.want("no budget, no pressure", done, nil)
	w.meter.live, w.limits.Memory = 10*mb, 100*mb
	w.after(checkInterval, false)
	if f := w.Figures(); f.Budget != (Budget{Bytes: 100 * mb, From: "limits.memory"}) || !slices.Equal(w.meter.limits, []int64{95 * mb}) {
		t.Errorf("with a setting: %+v, limits %v", f.Budget, w.meter.limits)
	}
	// GOMEMLIMIT is the collector's own limit and needs no margin.
	w.found = Budget{Bytes: 50 * mb, From: "GOMEMLIMIT", isGoLimit: true}
	w.limits.Memory = 0
	w.after(checkInterval, false)
	w.after(checkInterval, false)
	if !slices.Equal(w.meter.limits, []int64{95 * mb, 50 * mb}) {
		t.Errorf("limits %v", w.meter.limits)
	}
	if n := strings.Count(w.log.String(), "memory budget"); n != 2 {
		t.Errorf("the log names a budget %d times, want 2", n)
	}
}

func TestUnfinishedCommandsHoldAPartOfTheBudget(t *testing.T) {
	w := newGuarded(t, 0)
	if got := w.CommandBytes(1000); got != commandMost {
		t.Errorf("without a budget %d", got)
	}
	w.limits.Memory = 100 * mb
	w.after(checkInterval, false)
	if got := w.CommandBytes(1000); got != 100*mb/commandPart {
		t.Errorf("with a budget %d", got)
	}
	if got := w.CommandBytes(90 * mb); got != 90*mb {
		t.Errorf("for one of the longest %d", got)
	}
	w.meter.live = 91 * mb
	w.after(collectRest, false)
	if got := w.CommandBytes(1000); got != 0 {
		t.Errorf("while streams are shed %d", got)
	}
}

func TestRunChecksWhenPublishersStarve(t *testing.T) {
	w := newGuarded(t, 100*mb)
	checked := make(chan struct{}, 16)
	w.Guard.limits = func() Limits { checked <- struct{}{}; return Limits{Memory: 100 * mb} }
	stop, over := make(chan struct{}), make(chan struct{})
	go func() { w.Run(stop); close(over) }()
	<-checked // at once
	for range 2 {
		w.Starve()
		w.Starve() // never waits
		<-checked
	}
	close(stop)
	for {
		select {
		case <-checked:
		case <-over:
			return
		}
	}
}
