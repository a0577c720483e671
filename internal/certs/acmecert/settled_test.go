package acmecert

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A clock that was wrong for a while, and an authority with odd ideas, delay a host but do not lose
// it.
func TestNoWaitSlidesWithTheClock(t *testing.T) {
	for name, m := range map[string]memory{
		"a failure noted 300 days ahead": {Failures: 3, FailedAt: noon.Add(300 * 24 * time.Hour)},
		"Retry-After for 68 years":       {Failures: 1, FailedAt: noon, RetryAt: noon.Add(1<<31*time.Second - 1)},
		"both": {
			Failures: 2,
			FailedAt: noon.Add(300 * 24 * time.Hour),
			RetryAt:  noon.Add(900 * 24 * time.Hour),
		},
	} {
		t.Run(name, func(t *testing.T) {
			now := noon
			for wakes := 0; ; wakes++ {
				m = m.settled(now)
				next := nextTry(now, "a.example", validity{}, time.Time{}, m)
				if !next.After(now) {
					break
				}
				if now.Sub(noon) > longestRetryAfter {
					t.Fatalf("not tried in %v", now.Sub(noon))
				}
				now = now.Add(min(next.Sub(now), time.Hour))
			}
			if m.settled(now) != m {
				t.Error("settled times are not at rest")
			}
		})
	}
}

func TestCertificatesThatAreDueAtOnceAreNotOrderedWithoutEnd(t *testing.T) {
	const lifetime = 90 * 24 * time.Hour
	now, orders := noon, 0
	have, m := validity{}, memory{}
	for now.Before(noon.Add(time.Hour)) {
		m = m.settled(now)
		if !nextTry(now, "a.example", have, time.Time{}, m).After(now) {
			orders++
			from := now.Add(-65 * 24 * time.Hour) // by our clock, which is 65 days ahead
			have = validity{from: from, to: from.Add(lifetime), hash: "h"}
			m = m.succeeded(now, "")
		}
		now = now.Add(time.Minute)
	}
	if orders != 1 {
		t.Errorf("%d orders in an hour, want 1", orders)
	}
}

func TestAClockThatIsPutRightLetsTheAuthorityBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := optionsFor(t, nil)
		i := granting(newSigner(t))
		var asked atomic.Int32
		i.advice = func(string) (advice, error) {
			at := time.Now()
			if asked.Add(1) == 1 {
				at = at.Add(300 * day) // by a clock that is then put right; time cannot be turned back here
			}
			return advice{askAt: at.Add(askForAdvice)}, nil
		}
		runFor(t, newTestManager(t, o, i), day+time.Hour)
		if n := asked.Load(); n != 6 {
			t.Errorf("asked %d times: at once, when the clock was right, and every six hours of a day are 6", n)
		}
	})
}
