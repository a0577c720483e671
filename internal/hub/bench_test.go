package hub

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// sink is an owner that pops at the end of a benchmark's step.
type sink struct{ Stream }

func (*sink) Queued(*Stream, int)  {}
func (*sink) Blocked(*Stream) bool { return false }
func (*sink) Overflow(*Stream)     {}

func (w *testHub) sink(sub Subscription) *sink {
	s := new(sink)
	s.Owner = s
	w.shards[0].Subscribe(w.now, &s.Stream, sub)
	return s
}

// BenchmarkPublish sends to one room beside others and delivers: the others must cost nothing.
func BenchmarkPublish(b *testing.B) {
	for _, rooms := range []int{1, 1000, 100000} {
		b.Run(fmt.Sprintf("rooms=%d", rooms), func(b *testing.B) {
			w := newTestHub(b, 1, Options{History: HistoryLimits{Events: 1000, Bytes: 1 << 20, Age: time.Hour}})
			for i := range rooms {
				w.sink(Subscription{Rooms: []string{fmt.Sprint("other", i)}})
			}
			s := w.sink(Subscription{Rooms: []string{"room"}})
			m := message("room", strings.Repeat("x", 100))
			dst := make([]byte, 0, 1<<10)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.try(m); err != nil {
					b.Fatal(err)
				}
				w.shards[0].Deliver(100, anyBytes)
				dst = s.Pop(dst[:0], cap(dst))
			}
		})
	}
}

// BenchmarkDeliver reports the cost of one stream of a big room, without what it costs to publish.
func BenchmarkDeliver(b *testing.B) {
	const members = 10000
	for _, to := range []string{"room", "ro*", "*"} {
		b.Run("to="+to, func(b *testing.B) {
			w := newTestHub(b, 1, Options{})
			sinks := make([]*sink, members)
			for i := range sinks {
				sinks[i] = w.sink(Subscription{Rooms: []string{"room"}})
			}
			m := message(to, strings.Repeat("x", 100))
			dst := make([]byte, 0, 1<<10)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				for _, s := range sinks {
					dst = s.Pop(dst[:0], cap(dst))
				}
				if _, err := w.try(m); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				for w.shards[0].Deliver(1000, anyBytes) {
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/members, "ns/stream")
		})
	}
}

// BenchmarkPop takes one TLS record of events from a queue.
func BenchmarkPop(b *testing.B) {
	w := newTestHub(b, 1, Options{InboxEvents: 1 << 20})
	s := w.sink(Subscription{Rooms: []string{"room"}})
	dst := make([]byte, 0, 16<<10)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for range 120 {
			w.publish("room", strings.Repeat("x", 100))
		}
		w.deliver()
		b.StartTimer()
		for !s.Empty() {
			dst = s.Pop(dst[:0], cap(dst))
		}
	}
}

// BenchmarkResume replays ten events out of a long history: what is not for the stream must cost
// nothing.
func BenchmarkResume(b *testing.B) {
	for _, others := range []int{0, 1000, 100000} {
		b.Run(fmt.Sprintf("others=%d", others), func(b *testing.B) {
			w := newTestHub(b, 0, Options{History: HistoryLimits{Events: 200000, Bytes: 1 << 30, Age: time.Hour}})
			for range 10 {
				for i := range others / 10 {
					w.publish(fmt.Sprint("other", i%1000), "x")
				}
				w.publish("room", "x")
			}
			w.shards = append(w.shards, w.hub.NewShard(func() {}))
			s := w.sink(Subscription{})
			dst := make([]byte, 0, 16<<10)
			sub := Subscription{Rooms: []string{"room"}, LastEventID: "e-0"}
			b.ReportAllocs()
			for b.Loop() {
				w.shards[0].Subscribe(w.now, &s.Stream, sub)
				for !s.Empty() {
					dst = s.Pop(dst[:0], cap(dst))
				}
				w.shards[0].Unsubscribe(&s.Stream)
			}
		})
	}
}

// BenchmarkIdleStream reports the memory of a stream that waits, in one shared room and in one of
// its own.
func BenchmarkIdleStream(b *testing.B) {
	const streams = 20000
	for b.Loop() {
		w := newTestHub(b, 1, Options{})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range streams {
			w.sink(Subscription{Rooms: []string{"news", fmt.Sprint("user", i)}, ClientID: fmt.Sprint(i)})
		}
		if _, err := w.try(eventlog.Message{To: []names.Target{names.Everything}, Event: sse.Event{Data: "x"}}); err != nil {
			b.Fatal(err)
		}
		w.deliver()
		dst := make([]byte, 0, 1<<10)
		for _, m := range w.shards[0].everyone.members {
			dst = m.st.Pop(dst[:0], cap(dst))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/streams, "B/stream")
	}
}
