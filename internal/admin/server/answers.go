package server

import (
	"context"
	"sync"
)

// Bounds of the answers that wait on one connection. At a bound no further command is read, so that
// a peer that does not read its answers stops itself.
const (
	maxAnswers     = 256
	maxAnswerBytes = 256 << 10
)

// answer is what one command gets: a text that exists, or one that is made when its turn comes.
// The caller that takes an answer from the queue releases it.
type answer struct {
	text  []byte
	later func(ctx context.Context) []byte // waits within ctx; nil: text
	// pieces makes a long answer and sends it with emit, piece by piece; nil: text or later.
	pieces func(ctx context.Context, emit func([]byte) error) error
	held   int    // bytes that later or pieces keep until their turn comes
	done   func() // called once the answer is sent or dropped; may be nil
}

func (x answer) release() {
	if x.done != nil {
		x.done()
	}
}

func (x answer) size() int { return len(x.text) + x.held }

// answerQueue is the queue between the reader of a connection, which runs commands one after
// another, and its writer, which sends their answers in the same order.
type answerQueue struct {
	mu      sync.Mutex // guards all below
	changed sync.Cond  // on mu
	queue   []answer
	bytes   int
	state   answersState
}

type answersState uint8

const (
	answersOpen     answersState = iota
	answersFinished              // no more will be put
	answersGone                  // the peer is gone: its commands run, and their answers are dropped
	answersCut                   // the peer was cut off: no command runs any more
)

func newAnswers() *answerQueue {
	a := &answerQueue{}
	a.changed.L = &a.mu
	return a
}

// waitRoom waits until the next command may run, and reports whether it may run at all.
func (a *answerQueue) waitRoom() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.state == answersOpen && (len(a.queue) >= maxAnswers || a.bytes >= maxAnswerBytes) {
		a.changed.Wait()
	}
	return a.state != answersCut
}

// put queues an answer. It never waits; see waitRoom.
func (a *answerQueue) put(x answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state != answersOpen {
		x.release()
		return
	}
	a.queue = append(a.queue, x)
	a.bytes += x.size()
	a.changed.Broadcast()
}

// isWanted reports whether the other end may still read what is put.
func (a *answerQueue) isWanted() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state == answersOpen
}

// finish ends the queue: the writer ends when it is empty.
func (a *answerQueue) finish() { a.setState(answersFinished) }

// gone drops all answers, those to come too: the peer does not read them.
func (a *answerQueue) gone() { a.setState(answersGone) }

// cut drops all answers, and no further command runs.
func (a *answerQueue) cut() { a.setState(answersCut) }

// setState moves to a later state: they are in the order in which they can follow one another.
func (a *answerQueue) setState(s answersState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s <= a.state {
		return
	}
	a.state = s
	if s != answersFinished {
		for _, x := range a.queue {
			x.release()
		}
		a.queue, a.bytes = nil, 0
	}
	a.changed.Broadcast()
}

// next waits for the next answer, and reports whether there is one.
func (a *answerQueue) next() (answer, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.state == answersOpen && len(a.queue) == 0 {
		a.changed.Wait()
	}
	if len(a.queue) == 0 {
		return answer{}, false
	}
	x := a.queue[0]
	a.queue[0] = answer{}
	a.queue = a.queue[1:]
	a.bytes -= x.size()
	a.changed.Broadcast()
	return x, true
}
