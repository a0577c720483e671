package test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/subscriber"
)

// BenchmarkIdleStreams holds 10,000 idle TLS 1.3 streams and measures what each adds to the daemon. Run it once:
// make bench-idle.
func BenchmarkIdleStreams(b *testing.B) {
	const streams = 10_000
	for b.Loop() {
		d := start(b, "--log-level", "quiet", "--limits-connections-per-address", "0", "--limits-handshakes", "200")
		// A few streams first, so that what is made once is not counted as a stream's.
		for _, s := range openMany(b, d, 100, func(int) string { return "subscribe=warm" }) {
			s.Close()
		}
		d.awaitStreams("", 0)
		empty := d.settled()
		held := openMany(b, d, streams, func(i int) string { return fmt.Sprintf("subscribe=room%d&id=client%d", i%100, i) })
		d.awaitStreams("", streams)
		full := d.settled()
		before := d.cpu()
		<-time.After(5 * time.Second)
		idle := d.cpu() - before
		b.ReportMetric(float64(full-empty)/streams, "B/stream")
		b.ReportMetric(float64(empty)/(1<<20), "MiB-empty")
		b.ReportMetric(float64(full)/(1<<20), "MiB-full")
		b.ReportMetric(idle.Seconds()/5, "cores-idle")
		threads, err := strconv.Atoi(d.procStatus("Threads"))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(threads), "threads")
		b.ReportMetric(float64(d.goroutines()), "goroutines")
		for _, s := range held {
			s.Cut()
		}
	}
}

// settled waits until the process's memory has stopped shrinking, and returns it.
func (d *daemon) settled() int64 {
	d.t.Helper()
	least, since := d.resident(), time.Now()
	poll(2*time.Minute, func() bool {
		if now := d.resident(); now < least-least/100 {
			least, since = now, time.Now()
		}
		return time.Since(since) > 15*time.Second
	})
	return d.resident()
}

// openMany subscribes n streams over TLS, several at a time.
func openMany(tb testing.TB, d *daemon, n int, query func(i int) string) []*subscriber.Stream {
	tb.Helper()
	streams := make([]*subscriber.Stream, n)
	numbers := make(chan int)
	var workers sync.WaitGroup
	failed := make(chan error, n)
	for range 16 {
		workers.Go(func() {
			for i := range numbers {
				s, err := subscriber.Open(tb.Context(), d.request(query(i)))
				if err == nil {
					_, err = s.Preface()
				}
				if err != nil {
					failed <- fmt.Errorf("stream %d: %w", i, err)
				}
				streams[i] = s
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
	close(failed)
	for err := range failed {
		tb.Fatal(err)
	}
	return streams
}

// BenchmarkFanOut measures how long a message takes to its readers: 1,000 TLS streams in 100 rooms. Run it once:
// make bench-fanout.
func BenchmarkFanOut(b *testing.B) {
	const streams, rooms = 1000, 100
	for _, bm := range []struct {
		name     string
		to       func() string
		interval time.Duration
		messages int
	}{
		{"room", func() string { return roomName(rand.IntN(rooms)) }, 5 * time.Millisecond, 1000},
		{"everybody", func() string { return "*" }, 100 * time.Millisecond, 50},
	} {
		b.Run(bm.name, func(b *testing.B) {
			for b.Loop() {
				d := start(b, "--log-level", "quiet", "--limits-connections-per-address", "0")
				open := openMany(b, d, streams, func(i int) string { return "subscribe=" + roomName(i%rooms) })
				latencies := make([][]time.Duration, streams)
				var readers sync.WaitGroup
				for i, s := range open {
					readers.Go(func() {
						for {
							e, err := s.Next()
							if err != nil || e.Data == theEnd {
								return
							}
							at, err := strconv.ParseInt(e.Data, 10, 64)
							if err == nil {
								latencies[i] = append(latencies[i], time.Duration(time.Now().UnixNano()-at))
							}
						}
					})
				}
				before := d.cpu()
				tick := time.NewTicker(bm.interval)
				matched := 0
				for range bm.messages {
					<-tick.C
					matched += d.send(bm.to(), strconv.FormatInt(time.Now().UnixNano(), 10)).Matched
				}
				tick.Stop()
				d.send("*", theEnd)
				readers.Wait()
				used := d.cpu() - before
				all := slices.Concat(latencies...)
				if len(all) != matched {
					b.Errorf("%d deliveries, %d promised", len(all), matched)
				}
				slices.Sort(all)
				for name, part := range map[string]float64{"p50-ms": 0.50, "p90-ms": 0.90, "p99-ms": 0.99, "max-ms": 1} {
					at := min(int(part*float64(len(all))), len(all)-1)
					b.ReportMetric(float64(all[at])/float64(time.Millisecond), name)
				}
				b.ReportMetric(float64(len(all)), "deliveries")
				b.ReportMetric(used.Seconds()*1e6/float64(len(all)), "cpu-s/Mdelivery")
				for _, s := range open {
					s.Cut()
				}
			}
		})
	}
}
