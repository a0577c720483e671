package cluster

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

const (
	benchPublishers = 16
	calmRate        = 200 // messages a second
	calmFor         = 10 * time.Second
	calmWarmup      = 1 * time.Second // its messages are not counted
	saturatedFor    = 8 * time.Second
	benchRoom       = "bench"
	benchBytes      = 100 // of each message
)

// BenchmarkCluster measures real brokers and nodes that share the processors with the clients. Run it once: make
// bench-cluster. Latencies are in milliseconds, processor times in microseconds a message, on average of a node or broker.
func BenchmarkCluster(b *testing.B) {
	for _, size := range []struct{ brokers, nodes int }{{1, 2}, {1, 3}, {3, 2}, {3, 3}} {
		b.Run(fmt.Sprintf("R%d/nodes=%d", size.brokers, size.nodes), func(b *testing.B) {
			w := newBenchWorld(b, size.brokers, size.nodes)
			for b.Loop() {
				w.measureCalm()
				w.measureSaturated()
			}
			w.tell()
			b.ReportMetric(0, "ns/op") // how long the measurement takes says nothing
		})
	}
}

// benchWorld is a cluster without proxies in between, with one TLS stream at each node.
type benchWorld struct {
	b         *testing.B
	brokers   *brokers
	nodes     []*node
	said      []int // length of each node's log when it was ready
	began     time.Time
	published atomic.Int64 // messages that were acknowledged, since the streams were opened
	received  []atomic.Int64

	mu      sync.Mutex
	acked   []time.Duration // from publishing to the answer
	arrived []time.Duration // from publishing to the stream of another node
}

func newBenchWorld(b *testing.B, brokerCount, nodeCount int) *benchWorld {
	b.Helper()
	w := &benchWorld{b: b, brokers: &brokers{t: b}, began: time.Now(), received: make([]atomic.Int64, nodeCount)}
	w.brokers.run(brokerCount, maxStore, "", func(_, to int) string { return w.brokers.all[to].route })
	for i := range nodeCount {
		args := []string{
			"--cluster-name", clusterName, "--cluster-node", fmt.Sprintf("n%d", i), "--cluster-replicas", fmt.Sprint(brokerCount),
			"--log-level", "normal",
		}
		for _, one := range w.brokers.all {
			args = append(args, "--cluster-nats", "nats://"+one.address)
		}
		w.nodes = append(w.nodes, &node{Daemon: harness.Start(b, args...)})
	}
	for i, n := range w.nodes {
		n.awaitReady()
		s := n.Subscribe("subscribe=" + benchRoom)
		w.said = append(w.said, len(n.Log.Whole()))
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.listen(i, s)
		}()
		b.Cleanup(func() {
			s.Close()
			<-ended
		})
	}
	return w
}

// listen reads the stream of a node to its end. Each message has the number of the node where it was published and when,
// in nanoseconds since the beginning; 0 if its latency is not asked for.
func (w *benchWorld) listen(at int, s *subscriber.Stream) {
	for {
		e, err := s.Next()
		if err != nil {
			return // publish tells what is missing
		}
		now := time.Since(w.began)
		var from int
		var sent time.Duration
		if _, err := fmt.Sscanf(e.Data, "%d %d", &from, &sent); err != nil || e.Name != "message" {
			w.b.Errorf("the stream of n%d has the event %q %.100q", at, e.Name, e.Data)
			return
		}
		if sent > 0 && from != at {
			w.mu.Lock()
			w.arrived = append(w.arrived, now-sent)
			w.mu.Unlock()
		}
		w.received[at].Add(1)
	}
}

// publish has all publishers run, each with a connection of its own, spread over the nodes, and waits until everything has
// arrived everywhere. next waits until the publisher's message i is due; it returns what to count its latency from, 0 for
// nothing, and reports false when there is no further message.
func (w *benchWorld) publish(next func(publisher, i int) (from time.Duration, more bool)) {
	w.b.Helper()
	var all sync.WaitGroup
	for p := range benchPublishers {
		at := p % len(w.nodes)
		rpc, err := harness.DialRPC("unix", w.nodes[at].Socket)
		if err != nil {
			w.b.Fatal(err)
		}
		all.Go(func() {
			defer rpc.Close()
			var acked []time.Duration
			for i := 0; ; i++ {
				from, more := next(p, i)
				if !more {
					break
				}
				data := fmt.Sprintf("%d %d ", at, from)
				data += strings.Repeat("x", benchBytes-len(data))
				if err := rpc.Call("send", harness.Object{"to": benchRoom, "data": data}, nil); err != nil {
					w.b.Errorf("publish at n%d: %v", at, err)
					return
				}
				w.published.Add(1)
				if from > 0 {
					acked = append(acked, time.Since(w.began)-from)
				}
			}
			w.mu.Lock()
			w.acked = append(w.acked, acked...)
			w.mu.Unlock()
		})
	}
	all.Wait()
	if w.b.Failed() {
		w.b.FailNow()
	}
	for i := range w.nodes {
		if !harness.Poll(harness.Patience, func() bool { return w.received[i].Load() == w.published.Load() }) {
			w.b.Fatalf("%d messages were acknowledged, %d came at n%d", w.published.Load(), w.received[i].Load(), i)
		}
	}
}

// measureCalm publishes at a modest rate, whatever becomes of earlier messages. Latency counts from when a message was to be
// sent if its publisher still waited for an answer then, and otherwise from when it was sent: that a timer of the
// publisher is late is not the cluster's.
func (w *benchWorld) measureCalm() {
	w.acked, w.arrived = nil, nil
	const period = time.Second / calmRate
	begin := time.Since(w.began) + 100*time.Millisecond
	used := w.startUse()
	w.publish(func(publisher, i int) (time.Duration, bool) {
		after := time.Duration(i*benchPublishers+publisher) * period
		if after >= calmWarmup+calmFor {
			return 0, false
		}
		from := begin + after
		if early := from - time.Since(w.began); early > 0 {
			pause(early)
			from = time.Since(w.began)
		}
		if after < calmWarmup {
			from = 0
		}
		return from, true
	})
	used.report("calm-")
	for name, latencies := range map[string][]time.Duration{"ack": w.acked, "receive": w.arrived} {
		slices.Sort(latencies)
		for _, percent := range []int{50, 99} {
			at := latencies[len(latencies)*percent/100]
			w.b.ReportMetric(float64(at)/float64(time.Millisecond), fmt.Sprintf("%s-p%d-ms", name, percent))
		}
	}
}

// measureSaturated has each publisher send the next message as soon as the one before is acknowledged.
func (w *benchWorld) measureSaturated() {
	used, begin := w.startUse(), time.Now()
	w.publish(func(int, int) (time.Duration, bool) { return 0, time.Since(begin) < saturatedFor })
	w.b.ReportMetric(float64(w.published.Load()-used.published)/time.Since(begin).Seconds(), "msg/s")
	used.report("")
}

// tell logs what the nodes warned of since they were ready: then the figures are those of a failure.
func (w *benchWorld) tell() {
	for i, n := range w.nodes {
		for line := range strings.Lines(n.Log.Whole()[w.said[i]:]) {
			if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
				w.b.Logf("n%d %s", i, strings.TrimSpace(line))
			}
		}
	}
}

// use is the processor time that was used before a part of the measurement.
type use struct {
	w              *benchWorld
	published      int64
	nodes, brokers time.Duration
}

func (w *benchWorld) startUse() use {
	nodes, brokers := w.cpuTime()
	return use{w, w.published.Load(), nodes, brokers}
}

// cpuTime returns the processor time that all nodes, and all brokers, have used.
func (w *benchWorld) cpuTime() (nodes, brokers time.Duration) {
	for _, n := range w.nodes {
		nodes += n.CPUTime()
	}
	for _, one := range w.brokers.all {
		brokers += harness.CPUTime(w.b, one.cmd.Process.Pid)
	}
	return nodes, brokers
}

func (u use) report(prefix string) {
	w, now := u.w, u.w.startUse()
	each := func(used time.Duration, processes int) float64 {
		return float64(used.Microseconds()) / float64(now.published-u.published) / float64(processes)
	}
	w.b.ReportMetric(each(now.nodes-u.nodes, len(w.nodes)), prefix+"node-cpu-µs/msg")
	w.b.ReportMetric(each(now.brokers-u.brokers, len(w.brokers.all)), prefix+"broker-cpu-µs/msg")
}
