package acmecert

import (
	"hash/fnv"
	"slices"
	"strconv"
	"time"
)

// backoffs is how long a host waits after its first, second … failure in a row; the last value
// repeats. A day of failures has five tries, far below the limits of any authority.
var backoffs = [...]time.Duration{time.Minute, 10 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour}

const (
	// backoffJitter is by what part a back-off may be extended, so that hosts that failed together
	// do not retry together.
	backoffJitter = 0.2
	// renewalJitter is by what part of its lifetime a certificate may be renewed early.
	renewalJitter = 0.05
	// longestRetryAfter bounds the wait that an authority can ask for. The longest limits of Let's
	// Encrypt are per week.
	longestRetryAfter = 7 * 24 * time.Hour
	// mostFailures bounds the count. The wait stops growing long before.
	mostFailures = 1_000_000
)

// memory is the record of a host's tries, which survives restarts. Its methods return a changed
// copy.
type memory struct {
	Failures  int       `json:"failures,omitempty"` // in a row
	FailedAt  time.Time `json:"failed_at,omitzero"` // of the last failure
	RetryAt   time.Time `json:"retry_at,omitzero"`  // earliest time that the authority allows
	Error     string    `json:"error,omitempty"`    // of the last try; empty once one succeeded
	RenewedAt time.Time `json:"renewed_at,omitzero"`
	Challenge Challenge `json:"challenge,omitempty"` // by which it last succeeded
}

// interrupted is the error of a try whose end was not recorded.
const interrupted = "the try was cut short by the end of the daemon"

// begun records a failure before a try starts, so that a daemon that dies during each try does not
// retry without end.
func (m memory) begun(now time.Time) memory { return m.failed(now, interrupted, time.Time{}) }

// failed adds a failure. With a zero retryAt, the back-off decides the wait.
func (m memory) failed(now time.Time, what string, retryAt time.Time) memory {
	m.Failures = min(m.Failures, mostFailures-1) + 1
	m.FailedAt = now
	m.RetryAt = retryAt
	m.Error = what
	return m
}

// succeeded clears the failures.
func (m memory) succeeded(now time.Time, by Challenge) memory {
	return memory{RenewedAt: now, Challenge: by}
}

// settled corrects times that only a wrong clock or an odd authority can have caused: nothing has
// happened in the future, and no wait is longer than longestRetryAfter. Otherwise, a failure
// recorded while the clock was ahead would keep the host waiting for ever.
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

// validity is the period in which a certificate is valid. The zero value means no certificate.
type validity struct {
	from, to time.Time
	hash     string // of the certificate
	id       string // in renewal information; empty: none
}

// nextTry returns when to order a certificate for host; now or earlier means at once. suggested is
// when the authority wants the certificate to be renewed, or the zero time.
func nextTry(now time.Time, host string, have validity, suggested time.Time, m memory) time.Time {
	due := now
	if have != (validity{}) {
		due = renewal(have)
		if !suggested.IsZero() {
			due = earlier(due, later(suggested, have.from.Add(youngest(have))))
		}
	}
	if have != (validity{}) && !m.RenewedAt.IsZero() {
		// A certificate that is due as soon as it is issued, because of a wrong clock or an odd
		// authority, must not be replaced again and again.
		due = later(due, earlier(m.RenewedAt, now).Add(min(restAfterRenewal, have.to.Sub(have.from)/20)))
	}
	if m.Failures > 0 {
		due = later(due, retryTime(now, host, m))
	}
	return due
}

// restAfterRenewal is the minimum time between two certificates of a host, unless they live for
// hours only.
const restAfterRenewal = time.Hour

// renewal returns a time shortly before a third of the lifetime is left, always the same for one
// certificate.
func renewal(have validity) time.Time {
	lifetime := have.to.Sub(have.from)
	early := time.Duration(fraction(have.hash) * renewalJitter * float64(lifetime))
	return have.to.Add(-lifetime/3 - early)
}

// retryTime returns when the host may try again after its failures, always the same for one
// failure. A clock that was set back does not extend the wait.
func retryTime(now time.Time, host string, m memory) time.Time {
	wait := backoffs[min(m.Failures, len(backoffs))-1]
	wait += time.Duration(fraction(host, strconv.FormatInt(m.FailedAt.UnixNano(), 10)) * backoffJitter * float64(wait))
	retry := earlier(m.FailedAt, now).Add(wait)
	return later(retry, earlier(m.RetryAt, now.Add(longestRetryAfter)))
}

// youngest returns the minimum age for renewal, whatever the authority suggests. A suggested window
// that is always in the past must not cause endless orders.
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

// fraction returns a number in [0, 1) that depends only on its arguments.
func fraction(of ...string) float64 {
	h := fnv.New64a()
	for _, s := range of {
		_, _ = h.Write([]byte(s)) // never fails
		_, _ = h.Write([]byte{0})
	}
	const bits = 53 // what a float64 holds
	// The low bits of FNV-1a are better mixed.
	return float64(h.Sum64()&(1<<bits-1)) / (1 << bits)
}

// choose returns the challenge for the next try: the one that worked last time, or the first one,
// and after each failure the next one. It returns "" if none is usable.
func choose(usable []Challenge, m memory) Challenge {
	if len(usable) == 0 {
		return ""
	}
	first := max(0, slices.Index(usable, m.Challenge))
	return usable[(first+m.Failures)%len(usable)]
}
