package bench

// order is what the run asks of a worker. The worker answers each with a report when it is carried
// out.
type order struct {
	Do   deed     `json:"do"`
	From int64    `json:"from,omitempty"` // of measure: messages due since then count, in nanoseconds since 1970
	Part phase    `json:"part,omitempty"` // of measure: which part of the run begins
	N    int      `json:"n,omitempty"`    // of churn: streams a second; of storm: streams
	Sent []uint64 `json:"sent,omitempty"` // of await: the last number of each room
}

// deed names an order.
type deed string

const (
	// doOpen: open all streams.
	doOpen deed = "open"
	// doMeasure: begin a part of the run.
	doMeasure deed = "measure"
	// doChurn: end and open streams all the time, until doCalm.
	doChurn deed = "churn"
	// doCalm: let churn end, and wait until all streams are open.
	doCalm deed = "calm"
	// doStorm: end streams all at once, and open them again.
	doStorm deed = "storm"
	// doAwait: wait until all open streams have had all messages.
	doAwait deed = "await"
	// doThaw: let the slow streams read what is there.
	doThaw deed = "thaw"
	// doFinish: close everything and give the result.
	doFinish deed = "finish"
)

// phase is a part of a run whose latencies are kept apart.
type phase int

const (
	// phaseWarm: before the measurement.
	phaseWarm phase = iota
	// phaseCalm: the measurement.
	phaseCalm
	// phaseStorm: while streams reconnect.
	phaseStorm
	phases
)

// report is what a worker tells the run.
type report struct {
	Done      deed    `json:"done,omitempty"`      // the order that this answers
	Progress  bool    `json:"progress,omitempty"`  // or else that Completed has changed
	Completed int     `json:"completed,omitempty"` // messages that all its streams have had
	Open      int     `json:"open,omitempty"`      // streams
	Received  uint64  `json:"received,omitempty"`
	Bytes     uint64  `json:"bytes,omitempty"`
	Error     string  `json:"error,omitempty"` // of the worker itself: it has ended
	Result    *result `json:"result,omitempty"`
}

// result is all that a worker has counted.
type result struct {
	Streams   tally         `json:"streams"`
	Slow      tally         `json:"slow"`
	Connects  times         `json:"connects"`
	Latencies [phases]times `json:"latencies"`
}
