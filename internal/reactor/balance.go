package reactor

import "sync/atomic"

// Balancer counts the load of each of several loops and finds the one with the least. Any goroutine
// may use it.
type Balancer struct {
	next  atomic.Uint32 // where Pick starts, so that loops with equal load take turns
	loads []atomic.Int64
}

// NewBalancer returns a balancer for n loops, at least one.
func NewBalancer(n int) *Balancer {
	if n < 1 {
		panic("reactor: internal error: balancer for no loop")
	}
	return &Balancer{loads: make([]atomic.Int64, n)}
}

// Pick returns the number of the loop with the least load, and adds one to its load.
func (b *Balancer) Pick() int {
	n := len(b.loads)
	best := int(b.next.Add(1) % uint32(n))
	least := b.loads[best].Load()
	for i, at := 1, best; i < n; i++ {
		if at++; at == n {
			at = 0
		}
		if load := b.loads[at].Load(); load < least {
			best, least = at, load
		}
	}
	b.loads[best].Add(1)
	return best
}

// Done subtracts one from the load of loop i.
func (b *Balancer) Done(i int) {
	if b.loads[i].Add(-1) < 0 {
		panic("reactor: internal error: load of a loop below zero")
	}
}

// Load returns the load of loop i.
func (b *Balancer) Load(i int) int64 { return b.loads[i].Load() }

// Take adds one to the load of loop i, for a caller that chose it without Pick.
func (b *Balancer) Take(i int) { b.loads[i].Add(1) }
