package send

import "sync"

// queue holds the messages that were read while others were on their way, up to its bounds. One
// goroutine puts, another takes.
type queue struct {
	mu      sync.Mutex // guards all below
	changed sync.Cond  // on mu
	items   []item
	bytes   int
	end     error // of the source, io.EOF for a proper one; nil: more may come
	stopped bool  // nobody takes any more
}

// Bounds of a queue. A message that is longer than all bytes waits alone.
const (
	maxQueued      = 100 // as many as one request over HTTP may have
	maxQueuedBytes = 256 << 10
)

func newQueue() *queue {
	q := &queue{}
	q.changed.L = &q.mu
	return q
}

// fill puts what the source yields into the queue, until either has ended.
func (q *queue) fill(s source) {
	for {
		next, err := s.next()
		if !q.put(next, err) {
			return
		}
	}
}

// put waits for room and adds a message, or ends the queue if err is not nil. It reports whether
// another message is wanted.
func (q *queue) put(next item, err error) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.stopped && len(q.items) > 0 && (len(q.items) >= maxQueued || q.bytes+len(next.data) > maxQueuedBytes) {
		q.changed.Wait()
	}
	if q.stopped {
		return false
	}
	if q.end = err; err == nil {
		q.items = append(q.items, next)
		q.bytes += len(next.data)
	}
	q.changed.Broadcast()
	return err == nil
}

// take waits for messages and returns all that have come, or the end of the source.
func (q *queue) take() ([]item, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && q.end == nil {
		q.changed.Wait()
	}
	if len(q.items) == 0 {
		return nil, q.end
	}
	items := q.items
	q.items, q.bytes = nil, 0
	q.changed.Broadcast()
	return items, nil
}

// stop ends the goroutine that fills the queue, once it has read what it is reading.
func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	q.changed.Broadcast()
}
