package admin

import (
	"sync"
	"time"
)

// Bounds of guessing keys. A source that guesses is slowed down and not locked out: on a shared machine, or behind one
// address, whoever guesses would lock out those who know the key. While it is slow, right and wrong keys wait alike, or
// the answer that stays away would tell the wrong ones.
const (
	guessesFree   = 10 // wrong keys from one source within the window
	guessesWindow = time.Minute
	guessesDelay  = time.Second
	// guessesSources bounds the table; sources beyond it share one place.
	guessesSources = 1024
)

// guesses counts the wrong keys of each source: an address, or a user of this machine.
type guesses struct {
	mu sync.Mutex
	// guarded by mu
	by map[string]*tally
}

// tally is the wrong keys of one source.
type tally struct {
	since time.Time // of the first one
	n     int
}

// delay is how long the next key of the source has to wait.
func (g *guesses) delay(now time.Time, source string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.by[source]
	if t == nil && len(g.by) >= guessesSources {
		t = g.by[""]
	}
	if t == nil || t.n < guessesFree || now.Sub(t.since) >= guessesWindow {
		return 0
	}
	return guessesDelay
}

// wrong counts one.
func (g *guesses) wrong(now time.Time, source string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.by == nil {
		g.by = make(map[string]*tally)
	}
	t := g.by[source]
	if t == nil {
		if len(g.by) >= guessesSources {
			g.forget(now)
		}
		if len(g.by) >= guessesSources {
			source = ""
		}
		if t = g.by[source]; t == nil {
			t = &tally{since: now}
			g.by[source] = t
		}
	}
	if now.Sub(t.since) >= guessesWindow {
		*t = tally{since: now}
	}
	t.n++
}

// forget drops those whose window is over.
func (g *guesses) forget(now time.Time) {
	for source, t := range g.by {
		if now.Sub(t.since) >= guessesWindow {
			delete(g.by, source)
		}
	}
}
