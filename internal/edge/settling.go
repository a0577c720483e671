package edge

import (
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/list"
	"github.com/hassesd/hassesd/internal/reactor"
)

// countTimeout bounds how long an answer waits until the streams of its message are counted.
const countTimeout = 10 * time.Second

// settling has the POSTs that a loop has published itself, from then on until the streams of their
// messages are counted. There are as many as publish.requests at most.
type settling struct {
	// Fixed after creation.
	w *worker

	// Owned by the loop.
	waiting list.List[post] // oldest first
	timer   reactor.Timer
	isTimed bool    // the timer is set: for the first, or one before it
	batch   []*post // the previous counted, while the loop walks it

	mu      sync.Mutex
	counted []*post // guarded by mu: the answers are complete; any loop adds
}

// add waits for a message.
func (s *settling) add(p *post) {
	p.since = s.w.loop.Now()
	s.waiting.Push(&p.node, p)
	if !s.isTimed {
		s.setTimer()
	}
}

// signal is called by any loop once the answer of a POST is complete.
func (s *settling) signal(p *post) {
	s.mu.Lock()
	s.counted = append(s.counted, p)
	s.mu.Unlock()
	s.w.loop.Wake()
}

// forget forgets a POST whose client is gone. The signal may still come.
func (s *settling) forget(p *post) { s.waiting.Remove(&p.node) }

// run answers those whose answers are complete.
func (s *settling) run() {
	s.mu.Lock()
	s.batch, s.counted = s.counted, s.batch[:0]
	s.mu.Unlock()
	for i, p := range s.batch {
		s.batch[i] = nil
		s.answer(p, true)
	}
}

func (s *settling) answer(p *post, isComplete bool) {
	if p.state != postSettling {
		return // answered without the count, or abandoned
	}
	s.forget(p)
	p.answer(exchangeAnswer(p.outcome.Answer(isComplete)))
}

// HandleTimer implements reactor.TimerHandler: it answers those that have waited too long.
func (s *settling) HandleTimer(*reactor.Timer, time.Time) {
	s.w.figures.begin()
	for p := s.waiting.First(); p != nil && s.w.loop.Now().Sub(p.since) >= countTimeout; p = s.waiting.First() {
		s.answer(p, false)
	}
	if s.isTimed = false; s.waiting.Len() > 0 {
		s.setTimer()
	}
}

func (s *settling) setTimer() {
	s.isTimed = true
	s.w.loop.Schedule(&s.timer, s, s.waiting.First().since.Add(countTimeout))
}
