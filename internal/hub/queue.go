package hub

import "github.com/hassesd/hassesd/internal/sse"

// Room of a queue behind its first item, in items of 16 bytes. One with small bursts keeps what it
// has, so that it does not allocate again and again.
const (
	queueFirst = 4
	queueKeep  = 16 // an empty queue keeps at most so much
)

// item is a frame in a queue; rec is nil if it is not an event that counts as one (a gap, a
// heartbeat).
type item struct {
	frame *sse.Frame
	rec   *record
}

// queue is what a stream has still to send. It has no bound of its own. The zero value is empty.
//
// The oldest item lies in the queue itself: a stream that gets one event now and then has nothing
// else, and each of its deliveries is a cache line less.
type queue struct {
	n      int    // items
	bytes  int    // not popped yet
	offset int32  // bytes of the oldest item that were popped
	head   int32  // index in ring of the item after it
	oldest item   // zero if there is none
	ring   []item // the others; its length is 0 or a power of two
}

// at returns the i-th item, 0 being the oldest.
func (q *queue) at(i int) *item {
	if i == 0 {
		return &q.oldest
	}
	return &q.ring[(int(q.head)+i-1)&(len(q.ring)-1)]
}

// fits reports whether size more bytes are within bound. An empty queue takes any frame.
func (q *queue) fits(size, bound int) bool { return q.n == 0 || q.bytes+size <= bound }

func (q *queue) push(it item) {
	if q.n == 0 { // as most are when an event comes
		q.oldest = it
	} else {
		q.grow()
		*q.at(q.n) = it
	}
	q.n++
	q.bytes += it.frame.Len()
}

// pushFront puts a frame before all others, none of which may be partly popped.
func (q *queue) pushFront(it item) {
	q.grow()
	if q.n > 0 {
		q.head = (q.head - 1) & int32(len(q.ring)-1)
		q.ring[q.head] = q.oldest
	}
	q.n++
	q.oldest = it
	q.bytes += it.frame.Len()
}

// grow makes room for another item.
func (q *queue) grow() {
	if q.n <= len(q.ring) {
		return
	}
	ring := make([]item, max(queueFirst, 2*len(q.ring)))
	for i := 1; i < q.n; i++ {
		ring[i-1] = *q.at(i)
	}
	q.ring, q.head = ring, 0
}

// shift removes the oldest item, whose bytes count no longer.
func (q *queue) shift() {
	q.n--
	q.oldest = item{}
	if q.n > 0 {
		q.oldest, q.ring[q.head] = q.ring[q.head], item{}
		q.head = (q.head + 1) & int32(len(q.ring)-1)
	}
}

// read appends at most room bytes of the oldest item to dst and removes the item if that was its
// end. It returns the removed item.
func (q *queue) read(dst []byte, room int) ([]byte, item) {
	it := q.oldest
	rest := it.frame.Bytes()[q.offset:]
	if len(rest) > room {
		q.offset += int32(room)
		q.bytes -= room
		return append(dst, rest[:room]...), item{}
	}
	q.shift()
	q.offset = 0
	q.bytes -= len(rest)
	return append(dst, rest...), it
}

// next returns how much of the oldest item is left to read.
func (q *queue) next() int { return q.oldest.frame.Len() - int(q.offset) }

// fixed returns the number of items at the front that must not be dropped: a partly popped one, and
// frames that are not events.
func (q *queue) fixed() int {
	i := 0
	if q.offset > 0 {
		i = 1
	}
	for i < q.n && q.at(i).rec == nil {
		i++
	}
	return i
}

// drop removes the i-th item, which is not partly popped; i is small.
func (q *queue) drop(i int) {
	q.bytes -= q.at(i).frame.Len()
	for ; i > 0; i-- {
		*q.at(i) = *q.at(i - 1)
	}
	q.shift()
}

// retain removes the items from first on that keep refuses, and returns how many. It asks from the
// newest to the oldest.
func (q *queue) retain(first int, keep func(item) bool) (removed int) {
	to := q.n
	for i := q.n - 1; i >= 0; i-- {
		it := *q.at(i)
		if i >= first && !keep(it) {
			q.bytes -= it.frame.Len()
			continue
		}
		to--
		*q.at(to) = it
	}
	for i := range q.n - to {
		*q.at(i) = *q.at(to + i)
	}
	for i := q.n - to; i < q.n; i++ {
		*q.at(i) = item{}
	}
	q.n -= to
	return to
}

// discard removes everything but the rest of a partly popped frame, which no longer counts as an
// event of the stream.
func (q *queue) discard() {
	if q.offset == 0 {
		*q = queue{}
		return
	}
	frame := q.oldest.frame
	*q = queue{offset: q.offset, n: 1, bytes: frame.Len() - int(q.offset), oldest: item{frame: frame}}
}

// release gives back the memory of an empty queue that was long.
func (q *queue) release() {
	if len(q.ring) > queueKeep {
		*q = queue{}
	}
}
