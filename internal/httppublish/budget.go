package httppublish

import "sync/atomic"

// Budget bounds what all requests in work may hold in memory together. Its methods may be called
// from any goroutine.
type Budget struct {
	limit func() int64
	held  atomic.Int64
}

// NewBudget returns a budget. limit returns the present bound in bytes; it may be called from any
// goroutine.
func NewBudget(limit func() int64) *Budget { return &Budget{limit: limit} }

// take reserves n bytes, and reports whether there was room.
func (b *Budget) take(n int64) bool {
	if b.held.Add(n) > b.limit() && n > 0 {
		b.held.Add(-n)
		return false
	}
	return true
}

// hasRoom reports whether n bytes could be reserved now.
func (b *Budget) hasRoom(n int64) bool { return b.held.Load()+n <= b.limit() }

// Held returns how many bytes are reserved.
func (b *Budget) Held() int64 { return b.held.Load() }

// holding is what one request has reserved. It belongs to the goroutine that runs the request.
type holding struct {
	budget *Budget
	bytes  int64
}

// grow reserves n bytes more, or gives some back if n is negative, and reports whether there was
// room.
func (h *holding) grow(n int64) bool {
	if !h.budget.take(n) {
		return false
	}
	h.bytes += n
	return true
}

func (h *holding) release() {
	h.budget.held.Add(-h.bytes)
	h.bytes = 0
}

func noMemory() *failure {
	return fail(CodeOverloaded, "memory is short for the bodies of requests; publish again a little later")
}
