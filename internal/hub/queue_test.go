package hub

import (
	"testing"

	"github.com/hassesd/hassesd/internal/sse"
)

// queueOf makes a queue of events with these numbers; number 0 stands for a frame that is not an
// event.
func queueOf(t *testing.T, seqs ...uint64) *queue {
	t.Helper()
	q := new(queue)
	for _, seq := range seqs {
		it := item{frame: sse.Comment()}
		if seq > 0 {
			draft, err := sse.NewDraft(sse.Event{Data: "x"})
			if err != nil {
				t.Fatal(err)
			}
			it = item{draft.Frame(sse.ID{Epoch: "e", Seq: seq}), &record{}}
		}
		q.push(it)
	}
	return q
}

func wantQueue(t *testing.T, q *queue, seqs ...uint64) {
	t.Helper()
	bytes := -int(q.offset)
	for i := range int(q.n) {
		bytes += q.at(i).frame.Len()
		if i < len(seqs) && q.at(i).frame.Seq() != seqs[i] {
			t.Errorf("item %d is %d, want %d", i, q.at(i).frame.Seq(), seqs[i])
		}
	}
	if int(q.n) != len(seqs) || q.bytes != bytes {
		t.Errorf("%d items, %d bytes counted, want %d, %d", q.n, q.bytes, len(seqs), bytes)
	}
	for i := int(q.n); i < q.places(); i++ {
		if *q.at(i) != (item{}) {
			t.Errorf("place %d behind the end holds a frame", i)
		}
	}
}

func TestQueueAroundTheEndOfTheRing(t *testing.T) {
	q := queueOf(t, 1, 2, 3)
	for range 2 {
		q.read(nil, 1000)
	}
	rest := queueOf(t, 4, 5, 6, 7)
	for i := range int(rest.n) {
		q.push(*rest.at(i))
	}
	wantQueue(t, q, 3, 4, 5, 6, 7)
	q.pushFront(item{frame: sse.Comment()})
	wantQueue(t, q, 0, 3, 4, 5, 6, 7)
}

func TestQueueRead(t *testing.T) {
	q := queueOf(t, 1, 2)
	dst, done := q.read([]byte("> "), 5)
	if string(dst) != "> id: e" || done.frame != nil || q.next() != frameLen-5 {
		t.Errorf("read 5 = %q, %v, next %d", dst, done, q.next())
	}
	wantQueue(t, q, 1, 2)
	dst, done = q.read(nil, frameLen-5)
	if string(dst) != "-1\ndata: x\n\n" || done.frame.Seq() != 1 {
		t.Errorf("read the rest = %q, %v", dst, done)
	}
	wantQueue(t, q, 2)
}

func TestQueueDropAndRetain(t *testing.T) {
	odd := func(it item) bool { return it.frame.Seq()%2 == 1 }

	q := queueOf(t, 0, 1, 2, 3, 4)
	if got := q.fixed(); got != 1 {
		t.Errorf("fixed = %d, want the comment", got)
	}
	q.drop(1)
	wantQueue(t, q, 0, 2, 3, 4)
	if n := q.retain(q.fixed(), odd); n != 2 {
		t.Errorf("retain removed %d, want 2", n)
	}
	wantQueue(t, q, 0, 3)

	q = queueOf(t, 2, 4, 5, 6, 7)
	q.read(nil, 3)
	if got := q.fixed(); got != 1 {
		t.Errorf("fixed = %d, want what is partly read", got)
	}
	q.retain(q.fixed(), odd)
	wantQueue(t, q, 2, 5, 7)
	q.retain(q.fixed(), func(item) bool { return false })
	wantQueue(t, q, 2)
}

func TestQueueDiscard(t *testing.T) {
	q := queueOf(t, 1, 2)
	q.read(nil, 5)
	q.discard()
	wantQueue(t, q, 1)
	if q.at(0).rec != nil || q.offset != 5 {
		t.Errorf("the rest counts as an event, or begins at %d", q.offset)
	}
	q = queueOf(t, 1, 2)
	q.discard()
	wantQueue(t, q)
}

func TestQueueRelease(t *testing.T) {
	q := queueOf(t, make([]uint64, 1+queueKeep)...)
	for q.n > 0 {
		q.read(nil, 1000)
	}
	if q.release(); q.places() != 1+queueKeep {
		t.Error("a small ring is given back")
	}
	q = queueOf(t, make([]uint64, queueKeep+2)...)
	for q.n > 0 {
		q.read(nil, 1000)
	}
	if q.release(); q.others != nil {
		t.Error("a big ring is kept")
	}
}
