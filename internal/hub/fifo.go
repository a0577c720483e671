package hub

// Sizes of a fifo, in items, that are chosen to keep small lists small and big ones from being
// copied too often.
const (
	fifoKeep    = 256 // an empty list keeps at most so much room
	fifoCompact = 32  // fewer taken items than this are not worth moving the rest
)

// fifo is a list that grows at the end and shrinks at the beginning; both cost constant time on
// average. Memory follows the length down. The zero value is empty.
type fifo[T any] struct {
	items []T
	head  int // items before it are taken
}

func (f *fifo[T]) len() int { return len(f.items) - f.head }

// at returns the i-th item, 0 being the oldest.
func (f *fifo[T]) at(i int) T { return f.items[f.head+i] }

func (f *fifo[T]) push(item T) {
	f.items = append(f.items, item)
}

// pop removes and returns the oldest item of a list that is not empty.
func (f *fifo[T]) pop() T {
	var zero T
	item := f.items[f.head]
	f.items[f.head] = zero
	f.head++
	switch {
	case f.head == len(f.items):
		f.items, f.head = f.items[:0], 0
		if cap(f.items) > fifoKeep {
			f.items = nil
		}
	case f.head >= fifoCompact && f.head >= f.len():
		f.compact()
	}
	return item
}

// compact moves the items to the beginning, or to a smaller place if most of this one is unused.
func (f *fifo[T]) compact() {
	rest := f.items[f.head:]
	if cap(f.items) > fifoKeep && len(rest) <= cap(f.items)/4 {
		f.items = append(make([]T, 0, 2*len(rest)), rest...)
	} else {
		n := copy(f.items, rest)
		clear(f.items[n:])
		f.items = f.items[:n]
	}
	f.head = 0
}
