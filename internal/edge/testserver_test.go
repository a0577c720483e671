package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/eventlog/memory"
	"github.com/hassesd/hassesd/internal/httppublish"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/reactor/reactortest"
	"github.com/hassesd/hassesd/internal/sse"
)

// testServer is a server on an operating system in memory. Nothing happens in it but by turn and advance.
type testServer struct {
	t        testing.TB
	kernel   *reactortest.Kernel
	loops    []*reactor.Loop
	hub      *hub.Hub
	log      eventlog.Log
	srv      *Server
	listener *reactortest.Listener
	nextPort uint16
}

// setup is what a test may change before the test server begins.
type setup struct {
	loops  int
	hub    hub.Options
	edge   Config
	reinit bool
	tls    *tls.Config // nil: plaintext
	serves func(serverName, host string) bool
	// Options.Challenge
	challenge func(token string) (string, bool)
	fds       int
	log       slog.Handler                             // nil: nowhere
	poller    func(*reactortest.Poller) reactor.Poller // what the loops see of the kernel; nil: all
	publish   func(*testServer) *httppublish.Service   // Options.Publish; nil: none
}

func newTestServer(t testing.TB, change func(*setup)) *testServer {
	t.Helper()
	s := setup{
		loops:  1,
		fds:    20_000,
		serves: func(string, string) bool { return true },
		hub: hub.Options{
			Epoch:   "e",
			History: hub.HistoryLimits{Events: 1000, Bytes: 1 << 20, Age: time.Hour},
		},
		edge: Config{
			Path:             "/sse",
			AllowAll:         true,
			RoomsPerClient:   8,
			Retry:            2 * time.Second,
			HandshakeTimeout: 10 * time.Second,
			RequestTimeout:   10 * time.Second,
			RequestBytes:     8 << 10,
			Handshakes:       64,
			HandshakeCPU:     100,
			HandOver:         true,
			HotKeys:          16 << 20,
		},
	}
	if change != nil {
		change(&s)
	}
	if s.log == nil {
		s.log = slog.DiscardHandler
	}
	w := &testServer{t: t, kernel: reactortest.NewKernel(), nextPort: 40_000}
	for range s.loops {
		w.loops = append(w.loops, w.newLoop(s.poller))
	}
	w.hub = hub.New(s.hub)
	w.log = memory.New(memory.Options{Last: w.hub.LastID(), Now: w.kernel.Now})
	w.log.Follow(w.hub)
	var service *httppublish.Service
	if s.publish != nil {
		service = s.publish(w)
	}
	w.srv = New(Options{
		Publish:         service,
		Loops:           w.loops,
		Hub:             w.hub,
		TLS:             func() (*tls.Config, func(serverName, host string) bool) { return s.tls, s.serves },
		Logger:          slog.New(s.log),
		Config:          s.edge,
		Reinit:          s.reinit,
		Seed:            1,
		DescriptorLimit: s.fds,
		Challenge:       s.challenge,
	})
	fd, listener := w.kernel.Listen()
	w.listener = listener
	w.do(func(ctx context.Context) error {
		return w.srv.Serve(ctx, []Listener{{Listener: reactor.Listener{FD: fd}, Secure: s.tls != nil}})
	})
	t.Cleanup(w.end)
	return w
}

func (w *testServer) newLoop(poller func(*reactortest.Poller) reactor.Poller) *reactor.Loop {
	w.t.Helper()
	if poller == nil {
		loop, _ := reactortest.NewLoop(w.t, w.kernel, reactor.Options{})
		return loop
	}
	loop, err := reactor.New(reactor.Options{Poller: poller(w.kernel.NewPoller()), Now: w.kernel.Now})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		loop.Stop()
		if err := loop.Run(); err != nil {
			w.t.Error(err)
		}
	})
	return loop
}

// end drains the test server away: whatever a test has done to it, nothing may be left.
func (w *testServer) end() {
	if w.t.Failed() {
		return
	}
	w.check()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	began := make(chan error, 1)
	go func() {
		_, _, err := w.srv.Drain(ctx, DrainPlan{Window: 0})
		began <- err
	}()
	for over := false; !over; {
		select {
		case <-w.srv.Drained():
			over = true
		case <-ctx.Done():
			w.t.Fatal("the test server cannot be drained")
		default:
			w.advance(drainGrace / 4)
		}
	}
	if err := <-began; err != nil {
		w.t.Error(err)
	}
	w.turn()
	if n := w.srv.open.Load() + w.srv.deferred.Load() + int64(w.srv.admission.Held()); n != 0 {
		w.t.Errorf("%d places are still counted as taken", n)
	}
	if n := w.srv.streams.Load(); n != 0 {
		w.t.Errorf("%d streams are still counted as open", n)
	}
	if n := w.kernel.Descriptors(); n != 0 {
		w.t.Errorf("%d descriptors are still open", n)
	}
}

// do calls something that asks the loops, and turns them until it has its answer.
func (w *testServer) do(ask func(ctx context.Context) error) {
	w.t.Helper()
	if err := w.try(ask); err != nil {
		w.t.Fatal(err)
	}
}

func (w *testServer) try(ask func(ctx context.Context) error) error {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- ask(ctx) }()
	for {
		select {
		case err := <-answer:
			return err
		default:
			w.turn()
		}
	}
}

// turn lets everything that can happen now happen.
func (w *testServer) turn() {
	w.t.Helper()
	for range 8 {
		reactortest.Turn(w.t, 1, w.loops...)
	}
}

// advance lets time pass in small steps, as it does.
func (w *testServer) advance(d time.Duration) {
	w.t.Helper()
	const step = 50 * time.Millisecond
	for d > 0 {
		w.kernel.Advance(min(step, d))
		d -= step
		w.turn()
	}
}

// check compares the server's counters with its connections.
func (w *testServer) check() {
	w.t.Helper()
	w.do(w.srv.Check)
}

func (w *testServer) stats() (st Stats) {
	w.t.Helper()
	w.turn()
	return w.srv.Stats(w.kernel.Now())
}

// publish sends a message and lets it arrive.
func (w *testServer) publish(to, data string) {
	w.t.Helper()
	w.enqueue(to, data)
	w.turn()
}

func (w *testServer) enqueue(to, data string) *eventlog.Receipt {
	w.t.Helper()
	target, err := names.ParseTarget(to)
	if err != nil {
		w.t.Fatal(err)
	}
	receipt, err := w.append(eventlog.Message{To: []names.Target{target}, Event: sse.Event{Data: data}})
	if err != nil {
		w.t.Fatal(err)
	}
	return receipt
}

// atOnce is over already: with it, Append does not wait for room.
var atOnce = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// append publishes a message, if there is room.
func (w *testServer) append(m eventlog.Message) (*eventlog.Receipt, error) {
	draft, err := eventlog.NewDraft(m)
	if err != nil {
		return nil, err
	}
	return w.log.Append(atOnce, draft)
}

// client is a scripted browser.
type client struct {
	*reactortest.Peer
	w   *testServer
	got bytes.Buffer // everything received so far that no want has eaten
}

func (w *testServer) connect() *client { return w.connectFrom("192.0.2.1") }

func (w *testServer) connectFrom(addr string) *client {
	w.nextPort++
	return &client{w: w, Peer: w.listener.Dial(netip.AddrPortFrom(netip.MustParseAddr(addr), w.nextPort))}
}

// subscribe connects, asks for rooms and eats the head and the first frame.
func (w *testServer) subscribe(query string) *client {
	w.t.Helper()
	c := w.connect()
	c.get("/sse?" + query)
	c.want(`HTTP/1.1 200 OK\r\n(.+\r\n)*\r\n`)
	c.want(`[0-9a-f]+\r\nretry: \d+\nid: (e|0)-\d+\n\n\r\n`)
	return c
}

func (c *client) get(target string, fields ...string) {
	c.w.t.Helper()
	head := "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n"
	for _, f := range fields {
		head += f + "\r\n"
	}
	c.Send([]byte(head + "\r\n"))
	c.w.turn()
}

// received collects what the server has written.
func (c *client) received() string {
	c.got.Write(c.Received())
	return c.got.String()
}

// want eats what the pattern matches, which must be what comes next.
func (c *client) want(pattern string) []string {
	c.w.t.Helper()
	got := c.received()
	m := regexp.MustCompile(`^(?:` + pattern + `)`).FindStringSubmatch(got)
	if m == nil {
		c.w.t.Fatalf("want %s\ngot  %q", pattern, got)
	}
	c.got.Next(len(m[0]))
	return m
}

// wantEvent eats one chunk that holds exactly one event.
func (c *client) wantEvent(seq int, data string) {
	c.w.t.Helper()
	frame := fmt.Sprintf("id: e-%d\ndata: %s\n\n", seq, data)
	c.want(regexp.QuoteMeta(fmt.Sprintf("%x\r\n%s\r\n", len(frame), frame)))
}

func (c *client) wantNothing() {
	c.w.t.Helper()
	if got := c.received(); got != "" {
		c.w.t.Fatalf("want nothing, got %q", got)
	}
}

// wantEnd says that the response has ended and the server has shut its side; the client then closes
// and the connection is gone.
func (c *client) wantEnd() {
	c.w.t.Helper()
	c.wantNothing()
	if !c.Ended() {
		c.w.t.Fatal("the server has not ended the connection")
	}
	c.Close()
	c.w.turn()
	if closed, _ := c.Closed(); !closed {
		c.w.t.Fatal("the server holds on to a connection that both sides have ended")
	}
}

// wantGone says that the connection was cut without another word.
func (c *client) wantGone() {
	c.w.t.Helper()
	if closed, _ := c.Closed(); !closed {
		c.w.t.Fatal("the connection is still open")
	}
}

// events returns the data of all events received so far, whatever the chunks.
func (c *client) events() []string {
	c.w.t.Helper()
	var out []string
	for _, line := range strings.Split(unchunk(c.w.t, c.received()), "\n") {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			out = append(out, data)
		}
	}
	return out
}

// unchunk takes the chunk framing off complete chunks.
func unchunk(t testing.TB, s string) string {
	t.Helper()
	var out strings.Builder
	for s != "" {
		var n int
		head, rest, ok := strings.Cut(s, "\r\n")
		if _, err := fmt.Sscanf(head, "%x", &n); err != nil || !ok {
			t.Fatalf("not a chunk: %q", s)
		}
		if len(rest) < n+2 {
			break // still on its way
		}
		out.WriteString(rest[:n])
		if rest[n:n+2] != "\r\n" {
			t.Fatalf("chunk of %d bytes does not end in CRLF: %q", n, rest)
		}
		s = rest[n+2:]
	}
	return out.String()
}
