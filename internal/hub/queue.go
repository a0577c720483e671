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
	bytes  int   // not popped yet
	n      int32 // items
	offset int32 // bytes of the oldest item that were popped
	oldest item  // zero if there is none
	others *ring // nil: there has been room for none
}

// ring is the items of a queue behind the oldest one.
type ring struct {
	items []item           // its length is a power of two
	head  int32            // index of the first of them
	few   [queueFirst]item // room for them, if they are few: a short queue is one object
}

// places returns how many items the queue has room for.
func (q *queue) places() int {
	if q.others == nil {
		return 1
	}
	return 1 + len(q.others.items)
}

// at returns the i-th item, 0 being the oldest.
func (q *queue) at(i int) *item {
	if i == 0 {
		return &q.oldest
	}
	return q.others.at(i - 1)
}

func (r *ring) at(i int) *item { return &r.items[(int(r.head)+i)&(len(r.items)-1)] }

// fits reports whether size more bytes are within bound. An empty queue takes any frame.
func (q *queue) fits(size, bound int) bool { return q.n == 0 || q.bytes+size <= bound }

func (q *queue) push(it item) {
	if q.n == 0 { // as most are when an event comes
		q.oldest = it
	} else {
		q.grow()
		*q.others.at(int(q.n) - 1) = it
	}
	q.n++
	q.bytes += it.frame.Len()
}

// pushFront puts a frame before all others, none of which may be partly popped.
func (q *queue) pushFront(it item) {
	q.grow()
	if q.n > 0 {
		r := q.others
		r.head = (r.head - 1) & int32(len(r.items)-1)
		*r.at(0) = q.oldest
	}
	q.n++
	q.oldest = it
	q.bytes += it.frame.Len()
}

// grow makes room for another item.
func (q *queue) grow() {
	if int(q.n) < q.places() {
		return
	}
	r := q.others
	if r == nil {
		r = new(ring)
		r.items = r.few[:]
		q.others = r
		return
	}
	items := make([]item, max(queueKeep, 2*len(r.items)))
	n := copy(items, r.items[r.head:])
	copy(items[n:], r.items[:r.head])
	r.items, r.head, r.few = items, 0, [queueFirst]item{}
}

// shift removes the oldest item, whose bytes count no longer.
func (q *queue) shift() {
	q.n--
	q.oldest = item{}
	if q.n > 0 {
		r := q.others
		first := r.at(0)
		q.oldest, *first = *first, item{}
		r.head = (r.head + 1) & int32(len(r.items)-1)
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
	for i < int(q.n) && q.at(i).rec == nil {
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
	n := int(q.n)
	to := n
	for i := n - 1; i >= 0; i-- {
		it := *q.at(i)
		if i >= first && !keep(it) {
			q.bytes -= it.frame.Len()
			continue
		}
		to--
		*q.at(to) = it
	}
	for i := range n - to {
		*q.at(i) = *q.at(to + i)
	}
	for i := n - to; i < n; i++ {
		*q.at(i) = item{}
	}
	q.n -= int32(to)
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
	if q.places()-1 > queueKeep {
		*q = queue{}
	}
}
