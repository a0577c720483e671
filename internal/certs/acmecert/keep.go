package acmecert

import (
	"context"
	"time"
)

// Start begins to order and renew, in the background, until ctx ends or Stop is called. It is called once.
func (m *Manager) Start(ctx context.Context) {
	ctx, m.cancel = context.WithCancel(ctx)
	for _, name := range m.names {
		m.running.Go(func() { m.keep(ctx, name) })
	}
}

// Stop gives up what is under way and returns when nothing of the manager runs any more.
func (m *Manager) Stop() {
	if m.cancel != nil {
		m.cancel()
	}
	m.running.Wait()
}

// keep is the life of one host's goroutine.
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
			ask = now // a clock that was ahead has said so
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

// takeIfNone looks into the cache again while the host has no certificate.
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

// inSlot waits until few enough others ask the authority, and then does what is to be done, unless ctx ends before.
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
