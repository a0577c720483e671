package acmecert

import (
	"hash/fnv"
	"slices"
	"strconv"
	"time"
)

// backoffs is how long a host waits after its first, second … failure in a row; the last one repeats. A day in which
// everything fails has five tries, far from any authority's limits.
var backoffs = [...]time.Duration{time.Minute, 10 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour}

const (
	// backoffJitter is how much later than its back-off a try may come, so that hosts that failed together do not
	// come back together.
	backoffJitter = 0.2
	// renewalJitter is which part of its lifetime a certificate may be renewed earlier than a third before its end.
	renewalJitter = 0.05
	// longestRetryAfter bounds what an authority can ask for: Let's Encrypt's longest limits are counted over a week.
	longestRetryAfter = 7 * 24 * time.Hour
	// mostFailures is where counting ends; the wait does not grow long before.
	mostFailures = 1_000_000
)

// memory is what is remembered of a host's tries, across restarts. Its methods return a changed copy.
type memory struct {
	Failures  int       `json:"failures,omitempty"` // in a row
	FailedAt  time.Time `json:"failed_at,omitzero"` // the last of them
	RetryAt   time.Time `json:"retry_at,omitzero"`  // what the authority asked for: not before this
	Error     string    `json:"error,omitempty"`    // of the last try; empty once one succeeded
	RenewedAt time.Time `json:"renewed_at,omitzero"`
	Challenge Challenge `json:"challenge,omitempty"` // by which it last succeeded
}

// interrupted is the error of a try whose end nobody has seen.
const interrupted = "the try was cut short by the end of the daemon"

// begun counts a try as failed before it begins: a daemon that dies in the middle of each must not ask for ever.
func (m memory) begun(now time.Time) memory { return m.failed(now, interrupted, time.Time{}) }

// failed adds a failure. A zero retryAt leaves the wait to the back-off.
func (m memory) failed(now time.Time, what string, retryAt time.Time) memory {
	m.Failures = min(m.Failures, mostFailures-1) + 1
	m.FailedAt = now
	m.RetryAt = retryAt
	m.Error = what
	return m
}

// succeeded forgets the failures.
func (m memory) succeeded(now time.Time, by Challenge) memory {
	return memory{RenewedAt: now, Challenge: by}
}

// settled takes back what only a wrong clock or an odd authority can have said: nothing has happened in the future, and
// no wait is longer than longestRetryAfter. Without it a failure noted while the clock was ahead would keep the host
// waiting for ever, since the times of a wait that is judged anew each time slide with the clock.
func (m memory) settled(now time.Time) memory {
	if ahead := m.FailedAt.Sub(now); ahead > 0 {
		m.FailedAt = now
		if !m.RetryAt.IsZero() {
			m.RetryAt = m.RetryAt.Add(-ahead)
		}
	}
	if last := m.FailedAt.Add(longestRetryAfter); m.RetryAt.After(last) {
		m.RetryAt = last
	}
	if m.RenewedAt.After(now) {
		m.RenewedAt = now
	}
	return m
}

// validity is when a certificate is valid; the zero value stands for no certificate.
type validity struct {
	from, to time.Time
	hash     string // of the certificate
	id       string // in renewal information; empty: none
}

// nextTry says when the authority is to be asked for a certificate of host: now or earlier means at once. suggested is
// when the authority itself would have the certificate renewed; the zero time if it did not say.
func nextTry(now time.Time, host string, have validity, suggested time.Time, m memory) time.Time {
	due := now
	if have != (validity{}) {
		due = renewal(have)
		if !suggested.IsZero() {
			due = earlier(due, later(suggested, have.from.Add(youngest(have))))
		}
	}
	if have != (validity{}) && !m.RenewedAt.IsZero() {
		// A certificate that is due as soon as it is issued (by a clock far ahead, or an odd authority) must not be
		// replaced without end.
		due = later(due, earlier(m.RenewedAt, now).Add(min(restAfterRenewal, have.to.Sub(have.from)/20)))
	}
	if m.Failures > 0 {
		due = later(due, retryTime(now, host, m))
	}
	return due
}

// restAfterRenewal is the least time between two certificates of a host, unless they live for hours only.
const restAfterRenewal = time.Hour

// renewal is a little before a third of the lifetime is left. It is the same each time for one certificate.
func renewal(have validity) time.Time {
	lifetime := have.to.Sub(have.from)
	early := time.Duration(fraction(have.hash) * renewalJitter * float64(lifetime))
	return have.to.Add(-lifetime/3 - early)
}

// retryTime is when the host may try again after its failures. It is the same each time for one failure, and a clock
// that was set back does not move it further away than the wait it stands for.
func retryTime(now time.Time, host string, m memory) time.Time {
	wait := backoffs[min(m.Failures, len(backoffs))-1]
	wait += time.Duration(fraction(host, strconv.FormatInt(m.FailedAt.UnixNano(), 10)) * backoffJitter * float64(wait))
	retry := earlier(m.FailedAt, now).Add(wait)
	return later(retry, earlier(m.RetryAt, now.Add(longestRetryAfter)))
}

// youngest is the age below which no certificate is renewed, whatever the authority suggests: a window that always lies
// in the past must not make us order without end.
func youngest(have validity) time.Duration { return min(have.to.Sub(have.from)/20, 24*time.Hour) }

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// fraction is a number in [0, 1) that only depends on its arguments.
func fraction(of ...string) float64 {
	h := fnv.New64a()
	for _, s := range of {
		_, _ = h.Write([]byte(s)) // never fails
		_, _ = h.Write([]byte{0})
	}
	const bits = 53 // what a float64 holds
	// The low bits of FNV-1a are the better mixed ones.
	return float64(h.Sum64()&(1<<bits-1)) / (1 << bits)
}

// choose picks the challenge of the next try: the one that worked last time, or the first one; after each failure the
// next one has its turn. Empty means that nothing can be answered.
func choose(usable []Challenge, m memory) Challenge {
	if len(usable) == 0 {
		return ""
	}
	first := max(0, slices.Index(usable, m.Challenge))
	return usable[(first+m.Failures)%len(usable)]
}
