package publish

import (
	"sync"
	"time"
)

// Sources has one Source for each publisher who comes over many connections or requests, so that
// all of them share one pace. Its methods may be called from any goroutine.
type Sources struct {
	door    Door
	closing <-chan struct{}
	now     func() time.Time

	mu sync.Mutex
	// guarded by mu
	byName  map[string]*sharedSource
	resting []*sharedSource // unused when they came, and still to be paced; oldest first, each once
	spare   *sharedSource   // as good as new; nil: none
}

// sharedSource is the Source of one publisher.
type sharedSource struct {
	Source
	name string

	// Guarded by Sources.mu.
	users     int
	isResting bool
}

// NewSources returns the sources of a door; see [NewSource].
func NewSources(door Door, closing <-chan struct{}, now func() time.Time) *Sources {
	return &Sources{door: door, closing: closing, now: now, byName: map[string]*sharedSource{}}
}

// restingMost bounds the unused sources that are kept, because they have published faster than
// their pace. Beyond it the oldest is forgotten, and its pace with it.
const restingMost = 10_000

// Use returns the source of a publisher. Release must be called once when it is not used any more.
func (s *Sources) Use(publisher string) *Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.byName[publisher]
	if one == nil {
		if one, s.spare = s.spare, nil; one == nil {
			one = &sharedSource{Source: Source{door: s.door, closing: s.closing}}
			one.shared = one
		}
		one.name = publisher
		s.byName[publisher] = one
	}
	one.users++
	return &one.Source
}

// Release ends a use of a source.
func (s *Sources) Release(source *Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := source.shared
	if one.users--; one.users > 0 {
		return
	}
	if len(s.resting) == 0 && one.wasNeverPaced() { // as all are without a pace
		delete(s.byName, one.name)
		s.spare = one
		return
	}
	now := s.now()
	switch {
	case one.isResting:
	case one.isPaid(now):
		delete(s.byName, one.name)
	default:
		one.isResting = true
		s.resting = append(s.resting, one)
	}
	for range 2 { // for each that comes, so that the list shrinks once publishers have rested
		s.forgetRested(now)
	}
}

// forgetRested forgets the source that has rested longest, if it need not be paced any more.
func (s *Sources) forgetRested(now time.Time) {
	if len(s.resting) == 0 {
		return
	}
	first := s.resting[0]
	if first.users == 0 && !first.isPaid(now) && len(s.resting) <= restingMost {
		return
	}
	first.isResting = false
	if first.users == 0 {
		delete(s.byName, first.name)
	}
	s.resting[0] = nil
	s.resting = s.resting[1:]
}

// isPaid reports whether all that the source has published is paid for, so that a new source would
// be treated alike or worse.
func (s *Source) isPaid(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.pacer.paidAt.After(now.Add(-paceBurst))
}

// wasNeverPaced reports whether a new source would be the same.
func (s *Source) wasNeverPaced() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pacer == pacer{}
}
