package server

import (
	"context"
	"sync"
)

// Bounds of the answers that wait on one connection. When they are reached no further command is read, so that a
// peer that does not read its answers stops itself.
const (
	maxAnswers     = 256
	maxAnswerBytes = 256 << 10
)

// answer is what one command gets: a text that is there, or one that is made when its turn comes.
// Who takes one from the queue releases it.
type answer struct {
	text  []byte
	later func(ctx context.Context) []byte // nil: text
	// pieces sends the answer by emit while it is made, as it may be long; nil: text or later.
	pieces func(ctx context.Context, emit func([]byte) error) error
	held   int    // bytes that later or pieces keep until their turn comes
	done   func() // called once the answer is sent, or thrown away; nil: nobody is told
}

func (x answer) release() {
	if x.done != nil {
		x.done()
	}
}

func (x answer) size() int { return len(x.text) + x.held }

// answers is the queue between the reader of a connection, which runs commands one after another, and its writer,
// which waits for what they brought and sends it in the same order.
type answers struct {
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
	answersGone                  // the peer takes no more: its commands are run, and their answers thrown away
	answersCut                   // the peer was cut off: nothing more is run
)

func newAnswers() *answers {
	a := &answers{}
	a.changed.L = &a.mu
	return a
}

// waitRoom waits until the next command may be run; false: it must not be run at all.
func (a *answers) waitRoom() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.state == answersOpen && (len(a.queue) >= maxAnswers || a.bytes >= maxAnswerBytes) {
		a.changed.Wait()
	}
	return a.state != answersCut
}

// put queues an answer. It never waits; see waitRoom.
func (a *answers) put(x answer) {
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

// isWanted reports whether anybody may still read what is put.
func (a *answers) isWanted() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state == answersOpen
}

// finish says that nothing more will be put; the writer ends when the queue is empty.
func (a *answers) finish() { a.setState(answersFinished) }

// gone throws away what waits and what is yet to come: nobody is there to read it.
func (a *answers) gone() { a.setState(answersGone) }

// cut does the same, and ends the running of commands.
func (a *answers) cut() { a.setState(answersCut) }

// setState moves on: the states are in the order in which they can follow one another.
func (a *answers) setState(s answersState) {
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

// next waits for the next answer; false: there will be none.
func (a *answers) next() (answer, bool) {
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
