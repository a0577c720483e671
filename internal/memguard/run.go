package memguard

import "time"

// checkInterval is how often the memory in use is measured. A check costs a few microseconds.
const checkInterval = 250 * time.Millisecond

// Run checks the memory in use until stop is closed.
func (g *Guard) Run(stop <-chan struct{}) {
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	g.logBudget()
	again := time.NewTimer(0) // while publishers wait for a collection
	defer again.Stop()
	for {
		isStarved := false
		select {
		case <-tick.C:
		case <-again.C:
			isStarved = true
		case <-g.starved:
			isStarved = true
		case <-stop:
			return
		}
		if wait := g.check(time.Now(), isStarved); wait > 0 {
			again.Reset(wait)
		}
	}
}
