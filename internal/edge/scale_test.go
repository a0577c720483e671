package edge

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/reactor/reactortest"
)

// BenchmarkScale holds more TLS 1.3 streams than a process may have descriptors: the real code over
// descriptors in memory. It reports what a stream adds to the heap and to the collector's work,
// what a message to a room of ten costs beside all the others, and what a minute of silence, with
// its heartbeats, costs a stream. The first figures are those with as many keys hot as fit into the
// cache's default size, those called cold without any.
//
// HASSESD_SCALE sets other numbers of streams, separated by commas, and HASSESD_SCALE_HELLO how they
// begin: with a key share of X25519MLKEM768, as Go's clients do, of "X25519", or as further
// connections of a client that resumes its session with P-256 ("resumed"), which takes a third of
// the time: 0.3 ms of processor time a stream.
func BenchmarkScale(b *testing.B) {
	sizes := []int{1_000, 10_000}
	hello := os.Getenv("HASSESD_SCALE_HELLO")
	if list := os.Getenv("HASSESD_SCALE"); list != "" {
		sizes = nil
		for _, text := range strings.Split(list, ",") {
			n, err := strconv.Atoi(text)
			if err != nil || n < 10 {
				b.Fatalf("HASSESD_SCALE=%q: want numbers of streams, 10 or more", list)
			}
			sizes = append(sizes, n)
		}
	}
	for _, n := range sizes {
		b.Run(fmt.Sprintf("streams=%d", n), func(b *testing.B) {
			for b.Loop() {
				newCrowd(b, n, hello).report(b)
			}
		})
	}
}

// TestTheKeyShareIsGoneAtRest: a ClientHello with a key share of X25519MLKEM768 is 1,200 bytes longer
// than one with X25519, and of that no stream keeps anything. BenchmarkScale shows it for more of
// them.
func TestTheKeyShareIsGoneAtRest(t *testing.T) {
	newCrowd(t, 100, "") // what a process makes once
	short, long := newCrowd(t, 500, "X25519"), newCrowd(t, 500, "")
	t.Logf("cold %.0f and %.0f bytes, hot %.0f and %.0f", short.coldBytes, long.coldBytes, short.bytes, long.bytes)
	const noise = 200 // of the heap as a whole, in bytes a stream; kept, the key share would take 1,200
	if d := long.coldBytes - short.coldBytes; d < -noise || d > noise {
		t.Errorf("a stream takes %.0f bytes after a key share of X25519MLKEM768, and %.0f after one of X25519", long.coldBytes, short.coldBytes)
	}
}

// crowd is a test server full of idle TLS streams.
type crowd struct {
	w             *testServer
	peers         []*reactortest.Peer
	inRoom        int     // streams of each room
	bytes         float64 // of heap a stream, without what the kernel in memory takes
	objects       float64
	coldBytes     float64 // the same without hot keys
	coldObjects   float64
	kernelBytes   float64
	kernelObjects float64
}

// scaleTLS returns the configurations of both sides.
func scaleTLS(b testing.TB, hello string) (server, client *tls.Config) {
	b.Helper()
	server, client = testTLS(b)
	switch hello {
	case "":
	case "resumed":
		server.SessionTicketsDisabled = false
		server.SetSessionTicketKeys([][32]byte{{1}})
		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		client.CurvePreferences = []tls.CurveID{tls.CurveP256}
	case "X25519":
		client.CurvePreferences = []tls.CurveID{tls.X25519}
	default:
		b.Fatalf("HASSESD_SCALE_HELLO=%q: want X25519, resumed or nothing", hello)
	}
	return server, client
}

func newCrowd(b testing.TB, n int, hello string) *crowd {
	b.Helper()
	server, client := scaleTLS(b, hello)
	w := newTestServer(b, func(s *setup) {
		s.loops, s.tls, s.fds = 2, server, n+1_000
		s.edge.HeartbeatInterval = 15 * time.Second
	})
	c := &crowd{w: w, peers: make([]*reactortest.Peer, n), inRoom: 10}
	b.Cleanup(func() {
		for _, p := range c.peers {
			p.Close()
		}
		w.turnUntilQuiet()
	})
	c.open(0, min(n, 10), client) // what is made once
	before, beforeObjects := liveHeap()
	c.open(min(n, 10), n, client)
	after, afterObjects := liveHeap()
	c.kernelBytes, c.kernelObjects = kernelCost(b)
	c.bytes = (after-before)/float64(n) - c.kernelBytes
	c.objects = (afterObjects-beforeObjects)/float64(n) - c.kernelObjects

	c.setHotKeys(func(*worker) int { return 0 })
	cold, coldObjects := liveHeap()
	c.setHotKeys(func(w *worker) int { return w.hotKeys })
	c.coldBytes = (cold-before)/float64(n) - c.kernelBytes
	c.coldObjects = (coldObjects-beforeObjects)/float64(n) - c.kernelObjects
	return c
}

// setHotKeys empties the cache of hot keys, and sets how many bytes it may take from then on.
func (c *crowd) setHotKeys(bytes func(*worker) int) {
	for _, worker := range c.w.srv.workers {
		worker.transport.Records.SetHotBytes(0)
		worker.transport.Records.SetHotBytes(bytes(worker))
	}
}

// open subscribes the streams from number first up to last.
func (c *crowd) open(first, last int, config *tls.Config) {
	numbers := make(chan int)
	var clients sync.WaitGroup
	failed := make(chan error, 1)
	var dialing sync.Mutex // Listener.Dial is the kernel's; the test server's port counter is ours
	for range 32 {
		clients.Go(func() {
			for i := range numbers {
				dialing.Lock()
				peer := c.w.connectFrom(fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255)).Peer
				dialing.Unlock()
				c.peers[i] = peer
				if err := subscribeOverTLS(peer, config, i/c.inRoom, i); err != nil {
					select {
					case failed <- fmt.Errorf("stream %d: %w", i, err):
					default:
					}
				}
				peer.Received() // the rest of the buffer is no stream's
			}
		})
	}
	c.w.tlsDoFor(2*time.Hour, func() error {
		for i := first; i < last; i++ {
			numbers <- i
		}
		close(numbers)
		clients.Wait()
		select {
		case err := <-failed:
			return err
		default:
			return nil
		}
	})
}

// subscribeOverTLS asks for a stream, reads as far as the first frame and forgets the client's half
// of it.
func subscribeOverTLS(peer *reactortest.Peer, config *tls.Config, room, id int) error {
	conn := tls.Client(peer.Conn(), config)
	path := fmt.Sprintf("/sse?subscribe=room%d&id=client%d", room, id)
	if slices.Contains(config.NextProtos, protoHTTP2) {
		return subscribeOverHTTP2(conn, path)
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil) //nolint:bodyclose // it never ends
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", res.Status)
	}
	return wantLines(bufio.NewReader(res.Body), "retry: ", "id: e-", "")
}

// subscribeOverHTTP2 opens one stream on a new connection, whose window it makes as large as one can
// be, and reads as far as the first DATA frame.
func subscribeOverHTTP2(conn net.Conn, path string) error {
	const window = 1<<31 - 1
	var out bytes.Buffer
	f := &floodWriter{Framer: xhttp2.NewFramer(&out, conn)}
	f.encoder = hpack.NewEncoder(&f.block)
	f.encoder.SetMaxDynamicTableSize(0)
	out.WriteString(xhttp2.ClientPreface)
	if err := errors.Join(
		f.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: window}),
		f.WriteSettingsAck(), f.WriteWindowUpdate(0, window-(1<<16-1)), f.ask(0, path),
	); err != nil {
		return err
	}
	if _, err := conn.Write(out.Bytes()); err != nil {
		return err
	}
	for {
		got, err := f.ReadFrame()
		if err != nil {
			return err
		}
		if data, ok := got.(*xhttp2.DataFrame); ok {
			return wantLines(bufio.NewReader(bytes.NewReader(data.Data())), "retry: ", "id: e-", "")
		}
	}
}

func (c *crowd) report(b *testing.B) {
	b.Helper()
	b.ReportMetric(c.bytes, "heap-B/stream")
	b.ReportMetric(c.objects, "objects/stream")
	b.ReportMetric(c.coldBytes, "cold-heap-B/stream")
	b.ReportMetric(c.coldObjects, "cold-objects/stream")

	var m runtime.MemStats
	began := time.Now()
	runtime.GC()
	took := time.Since(began)
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(took.Microseconds())/1e3, "gc-ms")
	b.ReportMetric(float64(m.PauseNs[(m.NumGC+255)%256])/1e3, "gc-pause-us")

	room := min(len(c.peers)/10-1, 7)
	var publish []time.Duration
	for range 101 {
		began := time.Now()
		c.w.enqueue(fmt.Sprintf("room%d", room), "hello")
		c.w.turnUntilQuiet()
		publish = append(publish, time.Since(began))
		for _, p := range c.peers[room*10 : room*10+10] {
			if len(p.Received()) == 0 {
				b.Fatal("a stream of the room was told nothing")
			}
		}
	}
	slices.Sort(publish)
	b.ReportMetric(float64(publish[50].Nanoseconds())/1e3, "publish-to-10-us")

	began = time.Now()
	for range 120 { // a minute
		c.w.kernel.Advance(500 * time.Millisecond)
		c.w.turnUntilQuiet()
	}
	b.ReportMetric(float64(time.Since(began).Nanoseconds())/float64(len(c.peers)), "ns/stream-minute")
	silent := 0
	for _, p := range c.peers {
		if len(p.Received()) == 0 {
			silent++
		}
	}
	if silent > 0 {
		b.Errorf("%d streams have had no heartbeat in a minute", silent)
	}
}

// turnUntilQuiet turns the loops until they have nothing more to do.
func (w *testServer) turnUntilQuiet() {
	w.t.Helper()
	for range 3 { // what one loop posts to another is seen in the next round
		for again := true; again; again = w.busy() {
			reactortest.Turn(w.t, 1, w.loops...)
		}
	}
}

// busy says whether streams or events wait in a lane or an inbox, connections for their end, or a
// walk for its next turn. The loops must stand still.
func (w *testServer) busy() bool {
	for _, worker := range w.srv.workers {
		if worker.queues.Waiting() || worker.shard.Pending() || len(worker.closing)+len(worker.walks.going) > 0 {
			return true
		}
	}
	return false
}

// tlsDoFor is tlsDo for what takes long.
func (w *testServer) tlsDoFor(limit time.Duration, what func() error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- what() }()
	for {
		select {
		case err := <-answer:
			if err != nil {
				w.t.Fatal(err)
			}
			return
		case <-ctx.Done():
			w.t.Fatal("the clients did not come to an end")
		default:
			reactortest.Turn(w.t, 1, w.loops...)
			runtime.Gosched()
		}
	}
}

// kernelCost is what the kernel in memory takes for a connection.
func kernelCost(b testing.TB) (bytes, objects float64) {
	b.Helper()
	const n = 10_000
	k := reactortest.NewKernel()
	p := k.NewPoller()
	peers := make([]*reactortest.Peer, 0, n)
	before, beforeObjects := liveHeap()
	for range n {
		fd, peer := k.Connect()
		if err := p.Add(fd, reactor.EdgeBoth, reactor.Token{}); err != nil {
			b.Fatal(err)
		}
		_, _ = io.WriteString(peer.Conn(), "") // makes what a blocking client needs
		peers = append(peers, peer)
	}
	after, afterObjects := liveHeap()
	runtime.KeepAlive(peers)
	runtime.KeepAlive(k)
	return (after - before) / n, (afterObjects - beforeObjects) / n
}

// liveHeap returns the live bytes and objects.
func liveHeap() (bytes, objects float64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc), float64(m.HeapObjects)
}
