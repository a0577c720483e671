package bench

// totals are the counts of all workers together.
type totals struct {
	good      tally // of the streams that read
	slow      tally // of those that do not
	opens     times
	latencies [phases]times
}

func newTotals() totals {
	return totals{opens: newTimes(), latencies: [phases]times{newTimes(), newTimes(), newTimes()}}
}

// add adds what one worker has counted.
func (t *totals) add(r *result) {
	t.good.add(r.Streams)
	t.slow.add(r.Slow)
	t.opens.add(r.Connects)
	for i := range t.latencies {
		t.latencies[i].add(r.Latencies[i])
	}
}
