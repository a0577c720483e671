package acmecert

import (
	"fmt"
	"testing"
	"time"
)

// noon is the time of these tests.
var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

func TestNextTry(t *testing.T) {
	quarter := validity{noon.Add(-10 * day), noon.Add(80 * day), "a", ""} // 90 days
	for _, c := range []struct {
		name      string
		have      validity
		suggested time.Time
		memory    memory
		from, to  time.Duration // after noon
	}{
		{name: "no certificate, nothing tried", from: 0, to: 0},
		{name: "a new certificate of 90 days", have: quarter, from: 50*day - 90*day/20, to: 50 * day},
		{name: "of 30 seconds", have: validity{noon, noon.Add(30 * time.Second), "a", ""}, from: 18500 * time.Millisecond, to: 20 * time.Second},
		{name: "of 6 days", have: validity{noon, noon.Add(6 * day), "a", ""}, from: 4*day - 6*day/20, to: 4 * day},
		{name: "one that is long due", have: validity{noon.Add(-80 * day), noon.Add(10 * day), "a", ""}, from: -25 * day, to: -20 * day},
		{name: "the authority wants it earlier", have: quarter, suggested: noon.Add(day), from: day, to: day},
		{name: "it would have had it long ago", have: quarter, suggested: noon.Add(-365 * day), from: -9 * day, to: -9 * day},
		{name: "it always would", have: validity{noon, noon.Add(90 * day), "a", ""}, suggested: noon.Add(-day), from: day, to: day},
		{name: "even of a certificate for an hour", have: validity{noon, noon.Add(time.Hour), "a", ""}, suggested: noon.Add(-day), from: 3 * time.Minute, to: 3 * time.Minute},
		{name: "the authority would have it later", have: quarter, suggested: noon.Add(79 * day), from: 50*day - 90*day/20, to: 50 * day},
		{name: "one failure", memory: failures(1, noon), from: time.Minute, to: 72 * time.Second},
		{name: "two", memory: failures(2, noon), from: 10 * time.Minute, to: 12 * time.Minute},
		{name: "three", memory: failures(3, noon), from: time.Hour, to: 72 * time.Minute},
		{name: "four", memory: failures(4, noon), from: 4 * time.Hour, to: 5 * time.Hour},
		{name: "five", memory: failures(5, noon), from: 24 * time.Hour, to: 29 * time.Hour},
		{name: "a hundred", memory: failures(100, noon), from: 24 * time.Hour, to: 29 * time.Hour},
		{name: "a failure long ago", memory: failures(1, noon.Add(-day)), from: 0, to: 0},
		{name: "a failure from before the clock was set back", memory: failures(1, noon.Add(40*day)), from: time.Minute, to: 72 * time.Second},
		{name: "Retry-After longer than the back-off", memory: askedAfter(1, 3*time.Hour), from: 3 * time.Hour, to: 3 * time.Hour},
		{name: "Retry-After shorter than the back-off", memory: askedAfter(3, time.Minute), from: time.Hour, to: 72 * time.Minute},
		{name: "Retry-After of a year", memory: askedAfter(1, 365*day), from: 7 * day, to: 7 * day},
		{name: "failures while the certificate is young", have: quarter, memory: failures(5, noon), from: 50*day - 90*day/20, to: 50 * day},
		{name: "failures while the certificate is due", have: validity{noon.Add(-80 * day), noon.Add(10 * day), "a", ""}, memory: failures(2, noon), from: 10 * time.Minute, to: 12 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := nextTry(noon, "a.example", c.have, c.suggested, c.memory).Sub(noon)
			if got < c.from || got > c.to {
				t.Errorf("next try after %s, want between %s and %s", got, c.from, c.to)
			}
			if again := nextTry(noon, "a.example", c.have, c.suggested, c.memory).Sub(noon); again != got {
				t.Errorf("asked again, the answer is %s instead of %s", again, got)
			}
		})
	}
}

func failures(n int, at time.Time) memory { return memory{Failures: n, FailedAt: at, Error: "no"} }

func askedAfter(n int, wait time.Duration) memory {
	m := failures(n, noon)
	m.RetryAt = noon.Add(wait)
	return m
}

func TestADayWithoutAnAuthority(t *testing.T) {
	for _, c := range []struct {
		name string
		have validity
	}{
		{"without a certificate", validity{}},
		{"with one that is due", validity{noon.Add(-80 * day), noon.Add(10 * day), "a", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m memory
			tries := 0
			for now := noon; now.Before(noon.Add(day)); now = now.Add(time.Second) {
				if next := nextTry(now, "a.example", c.have, time.Time{}, m); !next.After(now) {
					tries++
					m = m.begun(now)
				}
			}
			if tries != 5 {
				t.Errorf("%d tries, want 5", tries)
			}
		})
	}
}

func TestJitterSpreads(t *testing.T) {
	var least, most time.Duration
	for i := range 100 {
		d := nextTry(noon, fmt.Sprintf("host%d.example", i), validity{}, time.Time{}, failures(3, noon)).Sub(noon)
		if i == 0 {
			least = d
		}
		least, most = min(least, d), max(most, d)
	}
	if most-least < 8*time.Minute {
		t.Errorf("a hundred hosts that failed together try again between %s and %s, want them spread over some 12 minutes", least, most)
	}
}

func TestMemory(t *testing.T) {
	m := memory{Challenge: TLSALPN01, RenewedAt: noon.Add(-60 * day)}
	m = m.begun(noon)
	if m.Failures != 1 || !m.FailedAt.Equal(noon) || m.Error != interrupted {
		t.Errorf("begun: %+v", m)
	}
	m = m.failed(noon.Add(time.Hour), "refused", noon.Add(2*time.Hour))
	if m.Failures != 2 || m.Error != "refused" || !m.RetryAt.Equal(noon.Add(2*time.Hour)) || m.Challenge != TLSALPN01 || m.RenewedAt.IsZero() {
		t.Errorf("failed: %+v", m)
	}
	if m = m.begun(noon.Add(3 * time.Hour)); !m.RetryAt.IsZero() {
		t.Errorf("a Retry-After outlives its try: %+v", m)
	}
	if got, want := m.succeeded(noon.Add(4*time.Hour), HTTP01), (memory{RenewedAt: noon.Add(4 * time.Hour), Challenge: HTTP01}); got != want {
		t.Errorf("succeeded: %+v, want %+v", got, want)
	}
}
