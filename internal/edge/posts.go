package edge

import (
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/edge/exchange"
	"github.com/hassesd/hassesd/internal/list"
	"github.com/hassesd/hassesd/internal/reactor"
)

// countTimeout bounds how long an answer waits until the streams of its message are counted.
const countTimeout = 10 * time.Second

// posts are the POSTs of one loop, from when they have come until a goroutine has them or they are
// answered. There are as many as publish.requests at most.
type posts struct {
	// Fixed after creation.
	srv     *shared
	loop    *reactor.Loop
	figures *figureBoard

	// Owned by the loop.
	begun    []*post         // in this turn, with a short body
	waiting  list.List[post] // published by the loop itself, until the streams of their messages are counted; oldest first
	timer    reactor.Timer
	isTimed  bool            // the timer is set: for the first that waits, or one before it
	batch    []*post         // the previous counted, while the loop walks it
	answered exchange.Answer // the last of answerOf, kept for its room

	mu      sync.Mutex
	counted []*post // guarded by mu: the answers are complete; any loop adds
}

// startBegun starts the goroutines of those whose short bodies have not come within this turn.
func (s *posts) startBegun() {
	for i, p := range s.begun {
		if s.begun[i] = nil; p.state == postBegun {
			p.start()
		}
	}
	s.begun = s.begun[:0]
}

// await waits for the streams of a message.
func (s *posts) await(p *post) {
	p.since = s.loop.Now()
	s.waiting.Push(&p.node, p)
	if !s.isTimed {
		s.setTimer()
	}
}

// signal is called by any loop once the answer of a POST is complete.
func (s *posts) signal(p *post) {
	s.mu.Lock()
	s.counted = append(s.counted, p)
	s.mu.Unlock()
	s.loop.Wake()
}

// forget forgets a POST whose client is gone. The signal may still come.
func (s *posts) forget(p *post) { s.waiting.Remove(&p.node) }

// answerCounted answers those whose answers are complete.
func (s *posts) answerCounted() {
	s.mu.Lock()
	s.batch, s.counted = s.counted, s.batch[:0]
	s.mu.Unlock()
	for i, p := range s.batch {
		s.batch[i] = nil
		s.answer(p, true)
	}
}

func (s *posts) answer(p *post, isComplete bool) {
	if p.state != postSettling {
		return // answered without the count, or abandoned
	}
	s.forget(p)
	p.answer(s.answerOf(p.outcome, isComplete))
}

// HandleTimer implements reactor.TimerHandler: it answers those that have waited too long.
func (s *posts) HandleTimer(*reactor.Timer, time.Time) {
	s.figures.begin()
	for p := s.waiting.First(); p != nil && s.loop.Now().Sub(p.since) >= countTimeout; p = s.waiting.First() {
		s.answer(p, false)
	}
	if s.isTimed = false; s.waiting.Len() > 0 {
		s.setTimer()
	}
}

func (s *posts) setTimer() {
	s.isTimed = true
	s.loop.Schedule(&s.timer, s, s.waiting.First().since.Add(countTimeout))
}
