package dashboard

import (
	"testing"
	"time"

	operators "github.com/hassesd/hassesd/internal/api"
)

func TestSamplesKeepTheLastMinutes(t *testing.T) {
	t.Parallel()
	var s samples
	if m, _ := s.now(); m != nil || len(s.all()) != 0 {
		t.Fatalf("before the first: %v, %d", m, len(s.all()))
	}
	for n := 1; n <= 2*keptSamples+7; n++ {
		_, next := s.now()
		s.add(&moment{Sample: sample{float64(n)}})
		select {
		case <-next:
		default:
			t.Fatalf("nobody is told of sample %d", n)
		}
		list := s.all()
		if want := min(n, keptSamples); len(list) != want || list[len(list)-1][0] != float64(n) || list[0][0] != float64(n-want+1) {
			t.Fatalf("after %d: %d samples from %v to %v", n, len(list), list[0][0], list[len(list)-1][0])
		}
		if m, _ := s.now(); m.Number != uint64(n) {
			t.Fatalf("sample %d has number %d", n, m.Number)
		}
	}
}

func TestASampleIsTheSumOfTheFigures(t *testing.T) {
	t.Parallel()
	f := operators.Figures{
		At:            time.UnixMilli(1_700_000_000_250),
		Streams:       []operators.StreamFigures{{HTTP: "1.1", Streams: 3}, {HTTP: "2", TLS: true, Streams: 4}},
		Connections:   5,
		Published:     map[string]uint64{"unix": 6, "http": 7},
		EventsSent:    8,
		StreamsOpened: 9, StreamsClosed: map[string]uint64{"peer": 1, "slow": 2}, RequestsRefused: map[string]uint64{"limits": 10},
		QueueBytes: 11, Memory: operators.MemoryFigures{UsedBytes: 12}, BlockedStreams: 13, EventsDropped: map[string]uint64{"latest": 14},
	}
	if got, want := sampleOf(&f), (sample{1_700_000_000.25, 7, 5, 13, 8, 9, 3, 10, 11, 12, 13, 14}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
