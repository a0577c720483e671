package acmecert

import (
	"context"
	"fmt"
	"time"
)

// try orders a certificate for the host once.
func (m *Manager) try(ctx context.Context, name string) {
	before, err := m.begin(name)
	by := choose(m.challenges, before)
	if err != nil {
		// Without a record on disk, a daemon that restarts again and again would order each time.
		m.fail(name, before, fmt.Errorf("not asked, as it could not be remembered: %w", err))
		return
	}
	m.log.Info("certificate is being ordered", "host", name, "challenge", string(by), "failures", before.Failures)
	limited, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	text, used, err := m.issuer.issue(limited, name, by)
	if err == nil {
		err = m.succeed(name, before, text, used)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		m.log.Info("certificate order was cut short", "host", name)
		m.end(name)
	default:
		m.fail(name, before, err)
	}
}

// begin records a failure in advance, and returns the record without it.
func (m *Manager) begin(name string) (before memory, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.hosts[name]
	h.before = h.memory
	h.memory = h.before.begun(wallClock())
	h.ordering = true
	return h.before, m.remember()
}

// end keeps the failure that begin recorded.
func (m *Manager) end(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.orders.cut.Add(1)
	m.hosts[name].ordering = false
}

// fail replaces the failure that begin recorded by the real reason.
func (m *Manager) fail(name string, before memory, reason error) {
	now := wallClock()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.orders.failed.Add(1)
	h := m.hosts[name]
	h.ordering = false
	h.memory = before.failed(now, errorText(reason), retryAfter(reason, now))
	log := m.log
	if h.have != (validity{}) {
		log = log.With("not_after", h.have.to)
	}
	log.Warn("certificate could not be obtained", "host", name, "err", h.memory.Error, "failures", h.memory.Failures,
		"next_try", h.next(now, name))
	if err := m.remember(); err != nil {
		m.log.Error("failed certificate order cannot be remembered", "host", name, "err", err)
	}
}

// succeed passes an issued certificate to the store and writes it to the cache.
func (m *Manager) succeed(name string, before memory, text []byte, used Challenge) error {
	now := wallClock()
	pair, have, err := check(text, name, now, 0)
	if err != nil {
		return fmt.Errorf("the certificate that was issued is of no use: %w", err)
	}
	if used == "" {
		used = before.Challenge
	}
	m.store.SetACME(name, pair)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.orders.issued.Add(1)
	h := m.hosts[name]
	h.ordering = false
	h.have, h.advice, h.unsaved = have, advice{}, unsaved{}
	h.memory = before.succeeded(now, used)
	m.log.Info("certificate issued", "host", name, "certificate", pair.Info(),
		"next_try", h.next(now, name))
	if err := m.cache.write(certificateFile(name), text); err != nil {
		m.log.Error("certificate cannot be stored yet; the next start would order another", "host", name, "err", err)
		// It is in use, but counts as a failure, because each restart would order another one.
		h.memory = before.failed(now, "the certificate cannot be stored: "+errorText(err), time.Time{})
		h.memory.RenewedAt = now
		h.unsaved = unsaved{text, used, h.memory.Error}
	}
	if err := m.remember(); err != nil {
		m.log.Error("certificate order cannot be remembered", "host", name, "err", err)
	}
	return nil
}

// retrySave stores a certificate that could not be stored before.
func (m *Manager) retrySave(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.hosts[name]
	if h.unsaved.text == nil {
		return
	}
	if err := m.cache.write(certificateFile(name), h.unsaved.text); err != nil {
		m.log.Debug("certificate still cannot be stored", "host", name, "err", err)
		return
	}
	m.log.Info("certificate stored at last", "host", name)
	if h.memory.Error == h.unsaved.noted {
		h.memory = h.memory.succeeded(h.memory.RenewedAt, h.unsaved.used)
	}
	h.unsaved = unsaved{}
	if err := m.remember(); err != nil {
		m.log.Error("certificate order cannot be remembered", "host", name, "err", err)
	}
}

// askForAdvice asks the authority when to renew the host's certificate.
func (m *Manager) askForAdvice(ctx context.Context, name, id string) {
	limited, cancel := context.WithTimeout(ctx, adviceTimeout)
	defer cancel()
	got, err := m.issuer.advise(limited, id)
	now := wallClock()
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.hosts[name]
	if err != nil {
		h.advice.askAt = now.Add(askForAdvice)
		m.log.Debug("no advice on the renewal of a certificate", "host", name, "err", errorLine(err))
		return
	}
	before := h.next(now, name)
	h.advice = got
	if next := h.next(now, name); !next.Equal(before) {
		m.log.Info("the authority wants a certificate renewed earlier", "host", name, "next_try", next)
	}
}
