package acmecert

import (
	"context"
	"time"
)

// Start orders and renews certificates in the background until ctx ends or Stop is called. Call it
// once.
func (m *Manager) Start(ctx context.Context) {
	ctx, m.cancel = context.WithCancel(ctx)
	for _, name := range m.names {
		m.running.Go(func() { m.keep(ctx, name) })
	}
}

// Stop cancels all orders, and returns when the goroutines of the manager have ended.
func (m *Manager) Stop() {
	if m.cancel != nil {
		m.cancel()
	}
	m.running.Wait()
}

// keep runs on the goroutine of one host.
func (m *Manager) keep(ctx context.Context, name string) {
	for ctx.Err() == nil {
		now := wallClock()
		m.loadIfNone(name, now)
		m.retrySave(name)
		m.mu.Lock()
		h := m.hosts[name]
		if settled := h.memory.settled(now); settled != h.memory {
			h.memory = settled
			if err := m.remember(); err != nil {
				m.log.Error("times of certificate orders cannot be put right", "host", name, "err", err)
			}
		}
		next, id, ask := h.next(now, name), h.have.id, h.advice.askAt
		if ask.Sub(now) > askForAdviceMost {
			ask = now // the clock was ahead when this was set
		}
		isServed := h.have != (validity{})
		m.mu.Unlock()
		switch {
		case !next.After(now):
			m.inSlot(ctx, func() { m.try(ctx, name) })
		case !isServed:
			sleep(ctx, min(next.Sub(now), maxSleepWithout))
		case id == "":
			sleep(ctx, min(next.Sub(now), maxSleep))
		case !ask.After(now):
			m.inSlot(ctx, func() { m.askForAdvice(ctx, name, id) })
		default:
			sleep(ctx, min(next.Sub(now), ask.Sub(now), maxSleep))
		}
	}
}

// loadIfNone tries the cache again while the host has no certificate.
func (m *Manager) loadIfNone(name string, now time.Time) {
	m.mu.Lock()
	isServed := m.hosts[name].have != (validity{})
	m.mu.Unlock()
	if isServed {
		return
	}
	if err := m.loadCached(name, now); err != nil {
		m.log.Debug("still no certificate in the cache", "host", name, "err", errorLine(err))
	}
}

// inSlot waits for a free slot and calls do, unless ctx ends before.
func (m *Manager) inSlot(ctx context.Context, do func()) {
	select {
	case m.slots <- struct{}{}:
		do()
		<-m.slots
	case <-ctx.Done():
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
