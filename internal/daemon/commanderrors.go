package daemon

import "sync"

// reasonCounts counts refused commands by reason. The reasons are the control protocol's own, a
// closed set.
type reasonCounts struct {
	mu sync.Mutex
	// guarded by mu
	n map[string]uint64
}

func (r *reasonCounts) add(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == nil {
		r.n = make(map[string]uint64)
	}
	r.n[reason]++
}

func (r *reasonCounts) each(visit func(reason string, n uint64)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for reason, n := range r.n {
		visit(reason, n)
	}
}
