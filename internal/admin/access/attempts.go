package access

import (
	"sync"
	"time"
)

// Bounds of guessing keys. A source that guesses is slowed down, not locked out: on a shared
// machine, or behind one address, an attacker would lock out the users of the right key. Right and
// wrong keys wait alike, or the delay itself would reveal which keys are wrong.
const (
	freeAttempts   = 10 // wrong keys from one source within the window
	attemptsWindow = time.Minute
	attemptsDelay  = time.Second
	// attemptsSources bounds the table; further sources share one entry.
	attemptsSources = 1024
)

// AuthAttempts counts the wrong keys of each source: an address, or a user of this machine.
type AuthAttempts struct {
	mu sync.Mutex
	// guarded by mu
	by map[string]*tally
}

// tally is the wrong keys of one source.
type tally struct {
	since time.Time // of the first one
	n     int
}

// Delay returns how long the next key of the source has to wait.
func (a *AuthAttempts) Delay(now time.Time, source string) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.by[source]
	if t == nil && len(a.by) >= attemptsSources {
		t = a.by[""]
	}
	if t == nil || t.n < freeAttempts || now.Sub(t.since) >= attemptsWindow {
		return 0
	}
	return attemptsDelay
}

// RecordWrong counts a wrong key.
func (a *AuthAttempts) RecordWrong(now time.Time, source string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.by == nil {
		a.by = make(map[string]*tally)
	}
	t := a.by[source]
	if t == nil {
		if len(a.by) >= attemptsSources {
			a.forget(now)
		}
		if len(a.by) >= attemptsSources {
			source = ""
		}
		if t = a.by[source]; t == nil {
			t = &tally{since: now}
			a.by[source] = t
		}
	}
	if now.Sub(t.since) >= attemptsWindow {
		*t = tally{since: now}
	}
	t.n++
}

// forget drops the sources whose window is over.
func (a *AuthAttempts) forget(now time.Time) {
	for source, t := range a.by {
		if now.Sub(t.since) >= attemptsWindow {
			delete(a.by, source)
		}
	}
}
