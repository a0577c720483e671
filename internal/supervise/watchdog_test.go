package supervise

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/reactor/reactortest"
)

func TestTheLastLoopOfARoundPings(t *testing.T) {
	t.Parallel()
	k := reactortest.NewKernel()
	var loops []*reactor.Loop
	for range 3 {
		l, _ := reactortest.NewLoop(t, k, reactor.Options{})
		loops = append(loops, l)
	}
	pinged := 0
	newWatchdog(loops, time.Second, func() { pinged++ }).start()
	turn := func(want int, which ...int) {
		t.Helper()
		for _, i := range which {
			reactortest.Turn(t, 1, loops[i])
		}
		if pinged != want {
			t.Fatalf("after turns of %v: pinged %d times, want %d", which, pinged, want)
		}
	}
	turn(0, 0, 1)
	turn(1, 2) // the first round is complete
	turn(1, 0, 1, 2)
	k.Advance(time.Second)
	turn(2, 2, 1, 0) // in any order

	// Two loops turn for ever and the third does not.
	for range 20 {
		k.Advance(time.Second)
		turn(2, 0, 1)
	}
	k.Advance(time.Second)
	turn(3, 2)
	// The others have checked in during the round before; each must do so again.
	k.Advance(time.Second)
	turn(3, 2, 1)
	turn(4, 0)
}

// TestABusyLoopChecksInAsWell proves that a loop which has no room for another function at the
// start is not missed for ever.
func TestABusyLoopChecksInAsWell(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := reactortest.NewKernel()
		busy, _ := reactortest.NewLoop(t, k, reactor.Options{PostLimit: 1})
		if err := busy.Post(func() {}); err != nil {
			t.Fatal(err)
		}
		pinged := 0
		go newWatchdog([]*reactor.Loop{busy}, time.Second, func() { pinged++ }).start()
		synctest.Wait()
		reactortest.Turn(t, 1, busy)
		synctest.Wait()
		reactortest.Turn(t, 1, busy)
		if pinged != 1 {
			t.Errorf("pinged %d times, want once", pinged)
		}
	})
}

func TestALoopThatHasEndedIsMissed(t *testing.T) {
	t.Parallel()
	k := reactortest.NewKernel()
	alive, _ := reactortest.NewLoop(t, k, reactor.Options{})
	gone, _ := reactortest.NewLoop(t, k, reactor.Options{})
	gone.Stop()
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	pinged := 0
	newWatchdog([]*reactor.Loop{alive, gone}, time.Second, func() { pinged++ }).start()
	for range 5 {
		reactortest.Turn(t, 1, alive)
		k.Advance(time.Second)
	}
	if pinged != 0 {
		t.Errorf("pinged %d times", pinged)
	}
}
