package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// world is three brokers and three daemons.
type world struct {
	t       *testing.T
	brokers *brokers
	nodes   []*node
	checker *checker
	slowest atomic.Int64 // time from publish to answer, of what was acknowledged, in nanoseconds
	noRoom  atomic.Int64 // messages that were refused because the brokers had no room
}

// setup is what a world is made of.
type setup struct {
	brokers   int
	store     int64  // bytes that each broker can store; 0: maxStore
	config    string // of all brokers, beside the usual
	flags     []string
	nodeFlags func(t testing.TB, i int) []string
}

// node is a daemon, with the proxies by which it reaches the brokers.
type node struct {
	*harness.Daemon
	links []*proxy
}

const clusterName = "t"

// stream is the name of the log's stream.
const stream = "hassesd-" + clusterName

func newWorld(t *testing.T, brokerCount int, flags ...string) *world {
	t.Helper()
	s := setup{brokers: brokerCount, flags: flags}
	return s.begin(t)
}

// isUsual reports whether the world is the one that most tests have.
func (s *setup) isUsual() bool {
	return s.brokers == 0 && s.store == 0 && s.config == "" && s.flags == nil && s.nodeFlags == nil
}

func (s *setup) begin(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, brokers: startSmallBrokers(t, s.brokers, cmp.Or(s.store, maxStore), s.config), checker: newChecker()}
	for i := range 3 {
		flags := s.flags
		if s.nodeFlags != nil {
			flags = s.nodeFlags(t, i)
		}
		w.addNode(fmt.Sprintf("n%d", i), flags...)
	}
	for _, n := range w.nodes {
		n.awaitReady()
	}
	t.Cleanup(func() {
		if t.Failed() {
			w.tell()
		}
	})
	return w
}

// tell logs what the nodes said about the log of the cluster.
func (w *world) tell() {
	for i, n := range w.nodes {
		for line := range strings.Lines(n.Log.Whole()) {
			if strings.Contains(line, "level=WARN") || strings.Contains(line, "log ") || strings.Contains(line, "epoch") {
				w.t.Logf("n%d %s", i, strings.TrimSpace(line))
			}
		}
	}
}

func (w *world) addNode(name string, flags ...string) *node {
	w.t.Helper()
	n := &node{}
	args := []string{"--cluster-name", clusterName, "--cluster-node", name, "--cluster-patience", "3s"}
	if len(w.brokers.all) > 1 {
		args = append(args, "--cluster-replicas", "3")
	}
	for _, b := range w.brokers.all {
		link := newProxy(w.t, b.address)
		n.links = append(n.links, link)
		args = append(args, "--cluster-nats", "nats://"+link.address())
	}
	n.Daemon = harness.Prepare(w.t, append(args, flags...)...)
	n.Run()
	w.nodes = append(w.nodes, n)
	return n
}

// awaitReady waits until a client gets a stream.
func (n *node) awaitReady() {
	n.T.Helper()
	harness.Eventually(n.T, "the node follows the log", func() bool {
		s, err := subscriber.Open(n.T.Context(), n.request("subscribe=ready", ""))
		if err != nil {
			return false
		}
		defer s.Cut()
		id, err := s.Preface()
		return err == nil && id != ""
	})
}

func (n *node) request(query, lastEventID string) subscriber.Request {
	r := n.Plain(query)
	r.LastEventID, r.Wait = lastEventID, 20*time.Second
	return r
}

// cut does the same to all links of a node.
func (n *node) cut(state cutting) {
	for _, link := range n.links {
		link.set(state)
	}
}

// load is what runs while something happens.
type load struct {
	w          *world
	ctx        context.Context
	publishing context.Context
	stop       context.CancelFunc
	publishers sync.WaitGroup
	clients    sync.WaitGroup
	settled    atomic.Bool // clients stay where they are
	number     atomic.Int64
}

const rooms = 5

func roomName(i int) string { return fmt.Sprintf("r%d", i%rooms) }

// begin starts publishers and clients.
func (w *world) begin(publishers, clients int) *load {
	l := &load{w: w, ctx: w.t.Context()}
	l.publishing, l.stop = context.WithCancel(l.ctx)
	for i := range clients {
		r := w.checker.client(fmt.Sprintf("client %d", i), roomName(i), roomName(i+1))
		l.clients.Go(func() { l.listen(r, i) })
	}
	harness.Eventually(w.t, "all clients have a stream", func() bool {
		for _, r := range w.checker.clients {
			if r.resumeAt() == "" {
				return false
			}
		}
		return true
	})
	for i := range publishers {
		l.publishers.Go(func() { l.publish(i) })
	}
	return l
}

// publish sends messages at one node after the other.
func (l *load) publish(i int) {
	random := rand.New(rand.NewPCG(uint64(i), 7))
	for l.publishing.Err() == nil {
		n := l.w.nodes[random.IntN(len(l.w.nodes))]
		rpc, err := harness.DialRPC("unix", n.Socket)
		if err != nil {
			pause(20 * time.Millisecond)
			continue
		}
		stop := context.AfterFunc(l.publishing, func() { time.AfterFunc(5*time.Second, func() { rpc.Close() }) })
		for range 1 + random.IntN(50) {
			if l.publishing.Err() != nil || !l.send(rpc, random) {
				break
			}
			pause(time.Duration(random.IntN(4)) * time.Millisecond)
		}
		stop()
		rpc.Close()
	}
}

func (l *load) send(rpc *harness.RPC, random *rand.Rand) bool {
	room, data := roomName(random.IntN(rooms)), fmt.Sprintf("m%d", l.number.Add(1))
	l.w.checker.publishing(room, data)
	began := time.Now()
	var out struct {
		ID string `json:"id"`
	}
	if err := rpc.Call("send", map[string]any{"to": room, "data": data}, &out); err != nil {
		var refused *harness.RPCError
		if errors.As(err, &refused) && strings.Contains(refused.Message, "no room for the log") {
			l.w.noRoom.Add(1)
		}
		return refused != nil
	}
	if took := int64(time.Since(began)); took > l.w.slowest.Load() {
		l.w.slowest.Store(took)
	}
	l.w.checker.acknowledged(data, out.ID)
	return true
}

// listen is a client, which leaves and comes back somewhere else.
func (l *load) listen(r *record, i int) {
	random := rand.New(rand.NewPCG(uint64(i), 11))
	for l.ctx.Err() == nil {
		n := l.w.nodes[random.IntN(len(l.w.nodes))]
		stay := time.Duration(200+random.IntN(2500)) * time.Millisecond
		if l.visit(n, r, stay) {
			return
		}
		pause(time.Duration(20+random.IntN(100)) * time.Millisecond)
	}
}

// lastMessage ends every room.
func lastMessage(room string) string { return "last of " + room }

// visit is one connection. It reports whether the client has got the last message of all its rooms.
func (l *load) visit(n *node, r *record, stay time.Duration) (done bool) {
	req := n.request("subscribe="+strings.Join(r.rooms, "-"), r.resumeAt())
	req.Wait = 10 * time.Second
	s, err := subscriber.Open(l.ctx, req)
	if err != nil {
		return false
	}
	defer s.Cut()
	timer := time.AfterFunc(stay, func() {
		if !l.settled.Load() {
			s.Cut()
		}
	})
	defer timer.Stop()
	stop := context.AfterFunc(l.ctx, func() { s.Cut() })
	defer stop()
	preface, err := s.Preface()
	if err != nil || preface == "" {
		return false // told to come back
	}
	r.add(step{what: 'p', id: preface})
	for {
		e, err := s.Next()
		if err != nil {
			return false
		}
		if e.Name == "hasses.gap" {
			r.add(step{what: 'g', id: e.ID, last: gapLast(e.Data)})
			continue
		}
		r.add(step{what: 'e', id: e.ID, data: e.Data})
		if l.settled.Load() && r.hasAll() {
			return true
		}
	}
}

func (r *record) hasAll() bool {
	for _, room := range r.rooms {
		if !r.has(lastMessage(room)) {
			return false
		}
	}
	return true
}

// end stops publishing, lets everything settle, and judges.
func (l *load) end() totals {
	t := l.w.t
	t.Helper()
	l.stop()
	l.publishers.Wait()
	for _, n := range l.w.nodes {
		n.awaitReady()
	}
	l.settled.Store(true)
	for i := range rooms {
		room := roomName(i)
		l.w.checker.publishing(room, lastMessage(room))
		harness.Eventually(t, "the last message of "+room+" is acknowledged", func() bool {
			rpc, err := harness.DialRPC("unix", l.w.nodes[i%len(l.w.nodes)].Socket)
			if err != nil {
				return false
			}
			defer rpc.Close()
			var out struct {
				ID string `json:"id"`
			}
			if rpc.Call("send", map[string]any{"to": room, "data": lastMessage(room)}, &out) != nil {
				return false
			}
			l.w.checker.acknowledged(lastMessage(room), out.ID)
			return true
		})
	}
	done := make(chan struct{})
	go func() { l.clients.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(harness.Patience):
		for _, r := range l.w.checker.clients {
			if !r.hasAll() {
				t.Errorf("%s of %v has not got the last messages; it is at %s", r.name, r.rooms, r.resumeAt())
			}
		}
	}
	wrong, sum := l.w.checker.check()
	for _, fault := range wrong {
		t.Error(fault)
	}
	t.Logf("%s; slowest publish %s", sum, time.Duration(l.w.slowest.Load()).Round(time.Millisecond))
	if sum.deliveries == 0 || sum.acknowledged == 0 {
		t.Error("nothing happened")
	}
	return sum
}

// pause lets time pass: what happens to a cluster has to last.
func pause(d time.Duration) { <-time.After(d) }
