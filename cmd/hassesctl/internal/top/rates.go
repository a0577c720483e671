package top

import "github.com/hassesd/hassesd/internal/admin/api"

// rates are how much happens each second.
type rates struct {
	published, delivered, opened, closed, refused float64
}

// ratesBetween returns what happened each second between two statuses of one process. isKnown is
// false if they are of two, or of the same moment.
func ratesBetween(before, after api.Status) (r rates, isKnown bool) {
	seconds := after.UptimeSeconds - before.UptimeSeconds
	if seconds <= 0 || before.PID != after.PID || !before.StartedAt.Equal(after.StartedAt) {
		return rates{}, false
	}
	return rates{
		published: perSecond(before.MessagesTotal, after.MessagesTotal, seconds),
		delivered: perSecond(before.DeliveriesTotal, after.DeliveriesTotal, seconds),
		opened:    perSecond(before.HandshakesTotal, after.HandshakesTotal, seconds),
		closed:    perSecond(sum(before.Closed), sum(after.Closed), seconds),
		refused:   perSecond(sum(before.Refused), sum(after.Refused), seconds),
	}, true
}

func perSecond(before, after uint64, seconds float64) float64 {
	if after < before {
		return 0
	}
	return float64(after-before) / seconds
}

func sum(counts map[string]uint64) uint64 {
	total := uint64(0)
	for _, n := range counts {
		total += n
	}
	return total
}

// track is the last values of a figure, the newest last.
type track struct{ values []float64 }

// trackLength is more than the columns of wide terminals: older values are of no use.
const trackLength = 400

func (t *track) add(v float64) {
	if len(t.values) == trackLength {
		t.values = append(t.values[:0], t.values[1:]...)
	}
	t.values = append(t.values, v)
}

// bars draws the newest values in so many columns, the highest as a full block.
func (t *track) bars(columns int) string {
	const levels = "▁▂▃▄▅▆▇█"
	values := t.values[max(0, len(t.values)-max(0, columns)):]
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	text := make([]rune, 0, len(values))
	blocks := []rune(levels)
	for _, v := range values {
		i := 0
		if most > 0 && v > 0 {
			i = min(1+int(v/most*float64(len(blocks)-1)), len(blocks)-1)
		}
		text = append(text, blocks[i])
	}
	return string(text)
}
