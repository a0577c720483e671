package admin

import (
	"strconv"
	"testing"
	"time"
)

func TestGuessesSlowDownTheirSource(t *testing.T) {
	var g guesses
	now := time.Unix(1000, 0)
	for i := range guessesFree {
		if d := g.delay(now, "a"); d != 0 {
			t.Fatalf("key number %d waits %s", i+1, d)
		}
		g.wrong(now, "a")
	}
	if d := g.delay(now, "a"); d != guessesDelay {
		t.Errorf("the next key waits %s", d)
	}
	if d := g.delay(now, "b"); d != 0 {
		t.Errorf("another source waits %s", d)
	}
	if d := g.delay(now.Add(guessesWindow), "a"); d != 0 {
		t.Errorf("after the window a key waits %s", d)
	}
	g.wrong(now.Add(guessesWindow), "a")
	if d := g.delay(now.Add(guessesWindow), "a"); d != 0 {
		t.Errorf("the first of a new window waits %s", d)
	}
}

func TestGuessesAreBounded(t *testing.T) {
	var g guesses
	now := time.Unix(1000, 0)
	for i := range 3 * guessesSources {
		g.wrong(now, strconv.Itoa(i))
	}
	if len(g.by) > guessesSources+1 {
		t.Errorf("%d sources are kept", len(g.by))
	}
	if d := g.delay(now, "new"); d != guessesDelay {
		t.Errorf("beyond the table a key waits %s: there guessing would be free", d)
	}
	if d := g.delay(now, "0"); d != 0 {
		t.Errorf("one in the table waits %s for the guesses of others", d)
	}
	later := now.Add(guessesWindow)
	g.wrong(later, "new")
	if len(g.by) != 1 || g.delay(later, "newer") != 0 {
		t.Errorf("%d sources are kept after their window", len(g.by))
	}
}
