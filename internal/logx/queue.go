package logx

import "time"

// idleBytes is the largest buffer that an empty queue keeps.
const idleBytes = 64 << 10

// queue holds records in order, with gaps and calls between them. The zero value is empty.
type queue struct {
	bytes []byte
	ends  []int  // of each record in bytes
	gaps  []gap  // in order
	calls []call // in order
	first int    // index of the first record not yet taken
}

// gap means that records were lost before the record with index before, which was logged at the
// given time.
type gap struct {
	before int
	lost   uint64
	at     time.Time
}

// call is a function that the writer calls before the record with index before.
type call struct {
	before int
	do     func()
}

// batch is one step of the writer: a call, or records, preceded by a notice if records before them
// were lost.
type batch struct {
	call  func()
	lost  uint64
	at    time.Time // of the record after the lost ones
	bytes []byte
	ends  []int // of each record, from the first byte of bytes
}

func (q *queue) isEmpty() bool { return q.first == len(q.ends) && len(q.calls) == 0 }

// add appends a record after the given number of lost ones.
func (q *queue) add(record []byte, lost uint64) {
	if lost > 0 {
		q.gaps = append(q.gaps, gap{len(q.ends), lost, time.Now()})
	}
	q.bytes = append(q.bytes, record...)
	q.ends = append(q.ends, len(q.bytes))
}

func (q *queue) addCall(do func()) { q.calls = append(q.calls, call{len(q.ends), do}) }

// take removes the first batch of a non-empty queue. Its records have at most limit bytes in all,
// unless the first one alone is longer. They are valid until reset.
func (q *queue) take(limit int) batch {
	if len(q.calls) > 0 && q.calls[0].before == q.first {
		b := batch{call: q.calls[0].do}
		q.calls = q.calls[1:]
		return b
	}
	var b batch
	if len(q.gaps) > 0 && q.gaps[0].before == q.first {
		b.lost, b.at = q.gaps[0].lost, q.gaps[0].at
		q.gaps = q.gaps[1:]
	}
	until := len(q.ends)
	if len(q.calls) > 0 {
		until = q.calls[0].before
	}
	if len(q.gaps) > 0 {
		until = min(until, q.gaps[0].before)
	}
	start := 0
	if q.first > 0 {
		start = q.ends[q.first-1]
	}
	for q.first < until && (len(b.ends) == 0 || q.ends[q.first]-start <= limit) {
		b.ends = append(b.ends, q.ends[q.first]-start)
		q.first++
	}
	b.bytes = q.bytes[start:q.ends[q.first-1]]
	return b
}

// reset empties the queue. It keeps its buffers unless they are large.
func (q *queue) reset() {
	if cap(q.bytes) > idleBytes {
		*q = queue{}
		return
	}
	*q = queue{bytes: q.bytes[:0], ends: q.ends[:0]}
}
