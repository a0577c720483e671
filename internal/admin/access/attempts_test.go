package access

import (
	"strconv"
	"testing"
	"time"
)

func TestAuthAttemptsSlowDownTheirSource(t *testing.T) {
	var a AuthAttempts
	now := time.Unix(1000, 0)
	for i := range freeAttempts {
		if d := a.Delay(now, "a"); d != 0 {
			t.Fatalf("key number %d waits %s", i+1, d)
		}
		a.RecordWrong(now, "a")
	}
	if d := a.Delay(now, "a"); d != attemptsDelay {
		t.Errorf("the next key waits %s", d)
	}
	if d := a.Delay(now, "b"); d != 0 {
		t.Errorf("another source waits %s", d)
	}
	if d := a.Delay(now.Add(attemptsWindow), "a"); d != 0 {
		t.Errorf("after the window a key waits %s", d)
	}
	a.RecordWrong(now.Add(attemptsWindow), "a")
	if d := a.Delay(now.Add(attemptsWindow), "a"); d != 0 {
		t.Errorf("the first of a new window waits %s", d)
	}
}

func TestAuthAttemptsAreBounded(t *testing.T) {
	var a AuthAttempts
	now := time.Unix(1000, 0)
	for i := range 3 * attemptsSources {
		a.RecordWrong(now, strconv.Itoa(i))
	}
	if len(a.by) > attemptsSources+1 {
		t.Errorf("%d sources are kept", len(a.by))
	}
	if d := a.Delay(now, "new"); d != attemptsDelay {
		t.Errorf("beyond the table a key waits %s: there guessing would be free", d)
	}
	if d := a.Delay(now, "0"); d != 0 {
		t.Errorf("one in the table waits %s for the guesses of others", d)
	}
	later := now.Add(attemptsWindow)
	a.RecordWrong(later, "new")
	if len(a.by) != 1 || a.Delay(later, "newer") != 0 {
		t.Errorf("%d sources are kept after their window", len(a.by))
	}
}
