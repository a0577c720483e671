package dashboard

import (
	"sync"
	"time"

	operators "github.com/hassesd/hassesd/internal/api"
)

const (
	// sampleEvery is how far apart samples are.
	sampleEvery = time.Second
	// keptSamples are a quarter of an hour, in some 90 KiB.
	keptSamples = int(15 * time.Minute / sampleEvery)
)

// sample is what the plots show of one moment. Totals only grow; the page turns them into rates. As
// JSON it is an array, in this order.
type sample [sampleFields]float64

// The fields of a sample.
const (
	sampleAt          = iota // seconds since 1970
	sampleStreams            //
	sampleConnections        //
	samplePublished          // total
	sampleSent               // total
	sampleOpened             // total
	sampleClosed             // total
	sampleRefused            // total
	sampleQueueBytes
	sampleMemoryBytes
	sampleBlocked
	sampleDropped // total

	sampleFields
)

func sampleOf(f *operators.Figures) sample {
	var s sample
	s[sampleAt] = float64(f.At.UnixMilli()) / 1000
	for _, streams := range f.Streams {
		s[sampleStreams] += float64(streams.Streams)
	}
	s[sampleConnections] = float64(f.Connections)
	s[samplePublished] = sum(f.Published)
	s[sampleSent] = float64(f.EventsSent)
	s[sampleOpened] = float64(f.StreamsOpened)
	s[sampleClosed] = sum(f.StreamsClosed)
	s[sampleRefused] = sum(f.RequestsRefused)
	s[sampleQueueBytes] = float64(f.QueueBytes)
	s[sampleMemoryBytes] = float64(f.Memory.UsedBytes)
	s[sampleBlocked] = float64(f.BlockedStreams)
	s[sampleDropped] = sum(f.EventsDropped)
	return s
}

func sum(counts map[string]uint64) float64 {
	total := uint64(0)
	for _, n := range counts {
		total += n
	}
	return float64(total)
}

// moment is the newest sample, with everything that the page shows of it besides.
type moment struct {
	Number  uint64            `json:"number"` // of the sample, from 1
	Sample  sample            `json:"sample"`
	Figures operators.Figures `json:"figures"`
}

// samples are the last minutes, and who waits for the next moment.
type samples struct {
	mu sync.Mutex
	// guarded by mu
	ring   [keptSamples]sample
	latest *moment       // immutable; nil: none yet
	next   chan struct{} // closed when there is a newer one; nil: nobody waits
}

// add makes m the newest moment, and gives it its number.
func (s *samples) add(m *moment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.Number = 1
	if s.latest != nil {
		m.Number = s.latest.Number + 1
	}
	s.ring[(m.Number-1)%keptSamples64] = m.Sample
	s.latest = m
	if s.next != nil {
		close(s.next)
		s.next = nil
	}
}

const keptSamples64 = uint64(keptSamples)

// now returns the newest moment, nil before the first, and what is closed when there is a newer one.
func (s *samples) now() (*moment, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = make(chan struct{})
	}
	return s.latest, s.next
}

// all returns the samples that are kept, oldest first.
func (s *samples) all() []sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest == nil {
		return []sample{}
	}
	last := s.latest.Number
	list := make([]sample, 0, min(last, keptSamples64))
	for n := last - min(last, keptSamples64); n < last; n++ {
		list = append(list, s.ring[n%keptSamples64])
	}
	return list
}
