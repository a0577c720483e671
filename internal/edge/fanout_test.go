package edge

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/reactor/reactortest"
)

// BenchmarkFanout sends one message at a time to 10,000 TLS streams of one room: routing, queues,
// lanes and records, as in the daemon, but a write to a socket costs nothing. It reports what a
// delivery costs beside the kernel's part of it, in processor time and, so that loops compare, in
// time. Ten thousand connections are in no cache, so it is memory that is measured more than
// instructions.
func BenchmarkFanout(b *testing.B) {
	for _, loops := range []int{1, 2} {
		b.Run(fmt.Sprintf("loops=%d", loops), func(b *testing.B) { benchmarkFanout(b, loops, false, func(*testServer) {}) })
	}
}

// BenchmarkFanoutHTTP2 is BenchmarkFanout over HTTP/2, with a connection for each stream. Compare the
// two of one run.
func BenchmarkFanoutHTTP2(b *testing.B) { benchmarkFanout(b, 1, true, func(*testServer) {}) }

// BenchmarkFanoutScraped is BenchmarkFanout while another goroutine reads all figures each second, as a scrape of
// metrics does. Compare the two of one run.
func BenchmarkFanoutScraped(b *testing.B) {
	benchmarkFanout(b, 1, false, func(w *testServer) {
		tick := time.NewTicker(time.Second)
		stop := make(chan struct{})
		b.Cleanup(func() { tick.Stop(); close(stop) })
		go func() {
			for {
				select {
				case <-tick.C:
					w.srv.Stats(w.kernel.Now())
				case <-stop:
					return
				}
			}
		}()
	})
}

func benchmarkFanout(b *testing.B, loops int, http2 bool, beside func(*testServer)) {
	const n = 10_000
	server, client := testTLS(b)
	if http2 {
		server.NextProtos, client.NextProtos = []string{protoHTTP2}, []string{protoHTTP2}
	}
	var drains []*drainPoller
	w := newTestServer(b, func(s *setup) {
		s.loops, s.tls, s.fds = loops, server, n+1_000
		s.edge.HTTP2, s.edge.StreamsPerConnection = http2, 100
		s.poller = func(p *reactortest.Poller) reactor.Poller {
			drains = append(drains, &drainPoller{Poller: p})
			return drains[len(drains)-1]
		}
	})
	c := &crowd{w: w, peers: make([]*reactortest.Peer, n), inRoom: n}
	b.Cleanup(func() {
		for _, p := range c.peers {
			p.Close()
		}
		w.turnUntilQuiet()
	})
	c.open(0, n, client)
	for _, p := range drains {
		p.open = true
	}
	w.enqueue("room0", "the first one makes the queues")
	w.turnTogether()
	beside(w)
	b.ReportAllocs()
	b.ResetTimer()
	var costs, times []int64
	for b.Loop() {
		used, began := processorTime(b), time.Now()
		w.enqueue("room0", "one hundred bytes, more or less, as they are in all the other measurements, so that they compare")
		w.turnTogether()
		costs, times = append(costs, processorTime(b)-used), append(times, time.Since(began).Nanoseconds())
	}
	slices.Sort(costs)
	slices.Sort(times)
	b.ReportMetric(float64(costs[len(costs)/2])/n, "cpu-ns/delivery")
	b.ReportMetric(float64(times[len(times)/2])/n, "ns/delivery")
	written := 0
	for _, p := range drains {
		written += p.writes
		p.open = false
	}
	if want := n * (b.N + 1); written < want {
		b.Errorf("%d records were written, want %d", written, want)
	}
}

// turnTogether turns each loop on a goroutine of its own until it has nothing more to send.
func (w *testServer) turnTogether() {
	w.t.Helper()
	var turning sync.WaitGroup
	for i, worker := range w.srv.workers {
		turning.Go(func() {
			for again := true; again; again = worker.queues.Waiting() || worker.shard.Pending() {
				if err := w.loops[i].Turn(0); err != nil {
					w.t.Error(err)
					return
				}
			}
		})
	}
	turning.Wait()
}

// drainPoller is a kernel in memory whose sockets swallow what is written to them, once it is open.
type drainPoller struct {
	*reactortest.Poller
	open   bool
	writes int
}

func (p *drainPoller) Write(fd int, b []byte) (int, error) {
	if !p.open {
		return p.Poller.Write(fd, b)
	}
	p.writes++
	return len(b), nil
}

// processorTime is what this process has had of the processors, in nanoseconds: unlike the clock it
// tells about the same on a machine that others use, too.
func processorTime(b *testing.B) int64 {
	b.Helper()
	var used unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &used); err != nil {
		b.Fatal(err)
	}
	return used.Nano()
}
