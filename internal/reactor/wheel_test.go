package reactor

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// firing notes which timers fired and at what time.
type firing struct {
	at    map[*Timer]time.Time
	order []*Timer
	then  func(t *Timer, now time.Time)
}

func (f *firing) HandleTimer(t *Timer, now time.Time) {
	if f.at == nil {
		f.at = make(map[*Timer]time.Time)
	}
	f.at[t] = now
	f.order = append(f.order, t)
	if f.then != nil {
		f.then(t, now)
	}
}

var epoch = time.Date(2001, time.September, 9, 1, 46, 40, 0, time.UTC)

// jump advances the wheel the way a loop does: it wakes when the wheel says so,
// and not otherwise, until the time is reached. It returns the wake-ups.
func jump(w *wheel, to time.Time) (wakes int) {
	for {
		at, ok := w.next()
		if !ok || at.After(to) {
			w.advance(to, math.MaxInt)
			return wakes
		}
		w.advance(at, math.MaxInt)
		wakes++
	}
}

func TestWheelFiresWithinATickOfTheDeadlineAndNeverBefore(t *testing.T) {
	for _, wait := range []time.Duration{
		1, tick - 1, tick, tick + 1, 63 * tick, 64 * tick, 65 * tick, 639*time.Millisecond + 1,
		15 * time.Second, 30 * time.Second, 40960 * time.Millisecond, 5 * time.Minute, time.Hour,
		24 * time.Hour, 365 * 24 * time.Hour, 100 * 365 * 24 * time.Hour,
	} {
		for _, start := range []time.Duration{0, 1, 7 * tick, 63*tick + 3, 4095 * tick, 123456789 * time.Millisecond} {
			w := &wheel{base: epoch}
			w.advance(epoch.Add(start), math.MaxInt)
			var timer Timer
			var f firing
			due := epoch.Add(start + wait)

			w.schedule(&timer, &f, due)
			wakes := jump(w, due.Add(-1))
			if len(f.order) != 0 {
				t.Fatalf("%v after %v: fired %v early", wait, start, due.Sub(f.at[&timer]))
			}
			if !timer.Pending() {
				t.Fatalf("%v after %v: not pending before its deadline", wait, start)
			}
			jump(w, due.Add(tick))
			if len(f.order) != 1 || timer.Pending() {
				t.Fatalf("%v after %v: fired %d times a tick after its deadline", wait, start, len(f.order))
			}
			if wakes > levels {
				t.Errorf("%v after %v: %d wake-ups for one deadline", wait, start, wakes)
			}
		}
	}
}

func TestWheelHoldsTheLongestDuration(t *testing.T) {
	w := &wheel{base: epoch}
	var timer Timer
	w.schedule(&timer, &firing{}, epoch.Add(math.MaxInt64))
	if at, ok := w.next(); !ok || at.Before(epoch) {
		t.Fatalf("next = %v, %v", at, ok)
	}
	w.cancel(&timer)
	if _, ok := w.next(); ok || timer.Pending() || w.pending != 0 {
		t.Fatal("still pending after cancel")
	}
}

func TestWheelPastDeadlineFiresAtTheNextAdvance(t *testing.T) {
	w := &wheel{base: epoch}
	w.advance(epoch.Add(time.Minute), math.MaxInt)
	var timer Timer
	var f firing
	// A handler that asks for a moment that has passed must not keep the wheel
	// firing in the same turn for ever.
	f.then = func(timer *Timer, now time.Time) { w.schedule(timer, &f, now.Add(-time.Hour)) }
	w.schedule(&timer, &f, epoch)

	for i := 1; i <= 3; i++ {
		w.advance(epoch.Add(time.Minute+time.Duration(i)*tick), math.MaxInt)
		if len(f.order) != i {
			t.Fatalf("after %d advances fired %d times", i, len(f.order))
		}
	}
}

func TestWheelHandlersMayChangeOthersOfTheSameTick(t *testing.T) {
	w := &wheel{base: epoch}
	var f firing
	var timers [4]Timer
	for i := range timers {
		w.schedule(&timers[i], &f, epoch.Add(time.Second))
	}
	f.then = func(timer *Timer, now time.Time) {
		if timer == &timers[0] {
			w.cancel(&timers[1])
			w.schedule(&timers[2], &f, now.Add(time.Second))
		}
	}
	jump(w, epoch.Add(time.Second))
	if want := []*Timer{&timers[0], &timers[3]}; !slices.Equal(f.order, want) {
		t.Fatalf("fired %d timers, want the first and the last", len(f.order))
	}
	jump(w, epoch.Add(2*time.Second))
	if len(f.order) != 3 || f.order[2] != &timers[2] {
		t.Fatal("the postponed timer did not fire a second later")
	}
	checkWheel(t, w)
}

func TestWheelKeepsToItsBudget(t *testing.T) {
	w := &wheel{base: epoch}
	var f firing
	timers := make([]Timer, 100)
	for i := range timers {
		w.schedule(&timers[i], &f, epoch.Add(time.Duration(1+i/50)*time.Second))
	}
	now := epoch.Add(time.Hour)
	for round := 1; ; round++ {
		more := w.advance(now, 30)
		checkWheel(t, w)
		if want := min(30*round, len(timers)); len(f.order) != want {
			t.Fatalf("round %d: %d fired, want %d", round, len(f.order), want)
		}
		if !more {
			break
		}
		if at, ok := w.next(); !ok || at.After(now) {
			t.Fatalf("round %d: next = %v, %v while timers are due", round, at, ok)
		}
		// What is scheduled while others are overdue waits for its own turn.
		if round == 1 {
			w.schedule(&timers[0], &f, epoch)
			w.cancel(&timers[0])
		}
	}
	for i, timer := range f.order {
		if timer != &timers[i] {
			t.Fatalf("timer %d fired out of order", i)
		}
	}
}

// TestWheelAgainstAList drives the wheel and the simplest possible model of it
// with the same random schedule, cancel and advance calls.
func TestWheelAgainstAList(t *testing.T) {
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		w := &wheel{base: epoch}
		now := epoch
		timers := make([]Timer, 50)
		due := make(map[*Timer]time.Time)
		var f firing
		f.then = func(timer *Timer, now time.Time) {
			at, ok := due[timer]
			if !ok {
				t.Fatalf("seed %d: fired though not scheduled", seed)
			}
			if now.Before(at) {
				t.Fatalf("seed %d: fired %v early", seed, at.Sub(now))
			}
			delete(due, timer)
		}
		for range 2000 {
			timer := &timers[rnd.IntN(len(timers))]
			switch rnd.IntN(4) {
			case 0, 1:
				// Spread over all levels that a test can reach.
				wait := time.Duration(rnd.Int64N(int64(tick) << rnd.IntN(30)))
				due[timer] = now.Add(wait)
				w.schedule(timer, &f, due[timer])
			case 2:
				delete(due, timer)
				w.cancel(timer)
			case 3:
				now = now.Add(time.Duration(rnd.Int64N(int64(tick) << rnd.IntN(28))))
				w.advance(now, math.MaxInt)
				for timer, at := range due {
					if now.Sub(at) > tick {
						t.Fatalf("seed %d: %v overdue", seed, now.Sub(at))
					}
					if !timer.Pending() {
						t.Fatalf("seed %d: lost", seed)
					}
				}
			}
			checkWheel(t, w)
			if w.pending != len(due) {
				t.Fatalf("seed %d: %d pending, want %d", seed, w.pending, len(due))
			}
			earliest := time.Time{}
			for _, at := range due {
				if earliest.IsZero() || at.Before(earliest) {
					earliest = at
				}
			}
			if at, ok := w.next(); ok != (len(due) > 0) || ok && at.After(earliest.Add(tick)) {
				t.Fatalf("seed %d: next = %v, %v; earliest deadline %v", seed, at, ok, earliest)
			}
		}
	}
}

func checkWheel(t *testing.T, w *wheel) {
	t.Helper()
	if err := w.check(); err != nil {
		t.Fatal(err)
	}
}

type ignore struct{}

func (ignore) HandleTimer(*Timer, time.Time) {}

func TestWheelDoesNotAllocate(t *testing.T) {
	w := &wheel{base: epoch}
	timers := make([]Timer, 1000)
	now := epoch
	if n := testing.AllocsPerRun(10, func() {
		for i := range timers {
			w.schedule(&timers[i], ignore{}, now.Add(time.Duration(i)*time.Second))
		}
		for range 1000 {
			now = now.Add(time.Second)
			w.next()
			w.advance(now, math.MaxInt)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// crowd fills a wheel with deadlines spread over half a minute, as those of so
// many streams with heartbeats are.
func crowd(n int) (*wheel, []Timer) {
	w := &wheel{base: epoch}
	rnd := rand.New(rand.NewPCG(1, 1))
	timers := make([]Timer, n)
	for i := range timers {
		w.schedule(&timers[i], ignore{}, epoch.Add(time.Duration(rnd.Int64N(int64(30*time.Second)))))
	}
	return w, timers
}

// BenchmarkWheelReschedule is what one stream costs that moves its deadline.
func BenchmarkWheelReschedule(b *testing.B) {
	w, timers := crowd(100_000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		w.schedule(&timers[i], ignore{}, epoch.Add(30*time.Second+time.Duration(i)*time.Millisecond))
		if i++; i == len(timers) {
			i = 0
		}
	}
}

// BenchmarkWheelTurn is what 100,000 pending deadlines cost a turn in which
// none of them passes.
func BenchmarkWheelTurn(b *testing.B) {
	w, _ := crowd(100_000)
	b.ReportAllocs()
	for b.Loop() {
		w.next()
		w.advance(epoch, timerBatch)
	}
}

// BenchmarkWheelMinute is a whole minute of 100,000 streams whose deadlines come
// every 15 s, waking when the wheel asks for it.
func BenchmarkWheelMinute(b *testing.B) {
	w, timers := crowd(100_000)
	h := &periodic{w: w, every: 15 * time.Second}
	for i := range timers {
		w.schedule(&timers[i], h, epoch.Add(time.Duration(i)*150*time.Microsecond))
	}
	now := epoch
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Minute)
		jump(w, now)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(h.fired), "ns/deadline")
}

type periodic struct {
	w     *wheel
	every time.Duration
	fired int
}

func (p *periodic) HandleTimer(t *Timer, now time.Time) {
	p.fired++
	p.w.schedule(t, p, now.Add(p.every))
}

// BenchmarkWheelSpread is the longest the wheel keeps a turn: 100,000 deadlines
// of one slot of the third level are spread at once.
func BenchmarkWheelSpread(b *testing.B) {
	timers := make([]Timer, 100_000)
	w := &wheel{base: epoch}
	begin := epoch.Add(slotsPerLevel * slotsPerLevel * tick)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		*w = wheel{base: epoch}
		for i := range timers {
			timers[i] = Timer{}
			w.schedule(&timers[i], ignore{}, begin.Add(tick+time.Duration(i)*100*time.Microsecond))
		}
		b.StartTimer()
		w.advance(begin, timerBatch)
	}
}
