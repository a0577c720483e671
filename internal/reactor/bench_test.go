package reactor

import (
	"testing"
	"time"
)

// readyPoller reports the same events at every Wait, and asks no kernel.
type readyPoller struct {
	linux
	events []Event
}

func (p *readyPoller) Add(_ int, _ Interest, t Token) error {
	p.events = append(p.events, Event{Token: t, Events: Readable})
	return nil
}
func (p *readyPoller) Remove(int) error { return nil }
func (p *readyPoller) Wait(events []Event, _ time.Duration) (int, error) {
	return copy(events, p.events), nil
}
func (p *readyPoller) Wake()              {}
func (p *readyPoller) Close() error       { return nil }
func (*readyPoller) CloseFD(int) error    { return nil }
func (*readyPoller) Abortive(int) error   { return nil }
func (*readyPoller) CloseWrite(int) error { return nil }

// BenchmarkTurn is what a turn costs by itself: without events, and with as many as one wait gives,
// of which each costs a look into the table and a call.
func BenchmarkTurn(b *testing.B) {
	for name, ready := range map[string]int{"idle": 0, "events=512": eventBatch} {
		b.Run(name, func(b *testing.B) {
			p := &readyPoller{}
			l, err := New(Options{Poller: p})
			if err != nil {
				b.Fatal(err)
			}
			calls := 0
			h := handlerFunc(func(Events) { calls++ })
			sources := make([]Source, ready)
			for i := range sources {
				if err := l.Add(&sources[i], i, h); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := l.Turn(0); err != nil {
					b.Fatal(err)
				}
			}
			if ready > 0 && calls < ready {
				b.Errorf("%d calls for %d events", calls, ready)
			}
		})
	}
}
