package core

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/delivery"
	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// TestDelivery runs many publishers and many clients, which leave and return in every possible way,
// and proves that each client gets every message meant for it, once and in order.
func TestDelivery(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--heartbeat-interval", "200ms", "--limits-queue-bytes", "16MiB")
	deliver(t, d, traffic{clients: 100, publishers: 8, rooms: 20, length: 8 * time.Second})
}

// TestDeliveryOverHTTP2 has twenty clients share each connection. They reset their streams, and at times cut the connection
// under all of them.
func TestDeliveryOverHTTP2(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--heartbeat-interval", "200ms", "--limits-queue-bytes", "16MiB")
	totals := deliver(t, d, traffic{clients: 100, publishers: 8, rooms: 20, length: 8 * time.Second, onConnection: 20})
	if totals.Connections < 300 {
		t.Errorf("only %d subscriptions of 100 clients: they did not leave and come back", totals.Connections)
	}
	if closed := d.Status().Closed; closed["http2_failed"]+closed["http2_flood"] > 0 {
		t.Errorf("honest clients were taken for others: %v", closed)
	}
}

// TestDeliveryWithShortHistory makes resumes fail. The daemon must report what is missing and never
// skip it silently.
func TestDeliveryWithShortHistory(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--history-events", "20")
	totals := deliver(t, d, traffic{clients: 30, publishers: 4, rooms: 5, length: 4 * time.Second, away: 200 * time.Millisecond})
	if totals.Gaps == 0 {
		t.Error("no gap was told; the history was not short enough to prove anything")
	}
}

// TestDeliveryDropOldest makes the daemon drop events for slow clients. It must report each gap.
func TestDeliveryDropOldest(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--limits-slow", "drop-oldest", "--limits-queue-bytes", "8KiB")
	totals := deliver(t, d, traffic{
		clients: 20, publishers: 4, rooms: 3, length: 4 * time.Second, size: 4000, pause: 50 * time.Millisecond,
	})
	if totals.Gaps == 0 {
		t.Error("nothing was dropped; the clients were not slow enough to prove anything")
	}
}

// traffic is the load of one run of deliver.
type traffic struct {
	clients, publishers, rooms int
	length                     time.Duration // how long publishers talk
	size                       int           // of a message, at most; 0: 200 bytes
	pause                      time.Duration // that every other client makes after each event
	away                       time.Duration // how long a client stays away at most
	onConnection               int           // clients that share a connection of HTTP/2; 0: HTTP/1
}

// sharedConn is the connection of HTTP/2 that some clients share: one after the other, as each may be cut.
type sharedConn struct {
	mu  sync.Mutex
	now *subscriber.Shared
}

// open subscribes on the connection, and connects if there is none.
func (c *sharedConn) open(ctx context.Context, r subscriber.Request) (*subscriber.Stream, error) {
	c.mu.Lock()
	if c.now == nil || !c.now.TakesStreams() {
		var err error
		if c.now, err = subscriber.OpenShared(context.WithoutCancel(ctx), r); err != nil {
			c.mu.Unlock()
			return nil, err
		}
	}
	on := c.now
	c.mu.Unlock()
	s, err := on.Open(ctx, r)
	if err != nil && on.WasCut() {
		return nil, errCutByAnother
	}
	return s, err
}

// close ends it.
func (c *sharedConn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now != nil {
		c.now.Close()
	}
}

// errCutByAnother is what a client gets when one with the same connection cuts it.
var errCutByAnother = errors.New("cut by another client")

func deliver(t *testing.T, d *harness.Daemon, load traffic) delivery.Totals {
	t.Helper()
	if load.size == 0 {
		load.size = 200
	}
	ledger := delivery.New()
	ctx, cancel := context.WithTimeout(t.Context(), load.length+2*harness.Patience)
	defer cancel()

	var clients, publishers sync.WaitGroup
	failed := make(chan error, load.clients+load.publishers)
	over := make(chan struct{}) // closed once the last message is published: clients no longer leave
	connected := make(chan struct{}, load.clients)
	var shared []*sharedConn
	for i := range load.clients {
		v := newVisitor(d, ledger, i, load)
		if load.onConnection > 0 {
			if i%load.onConnection == 0 {
				shared = append(shared, new(sharedConn))
				defer shared[len(shared)-1].close()
			}
			v.shared = shared[len(shared)-1]
		}
		clients.Go(func() {
			if err := v.live(ctx, over, connected); err != nil {
				failed <- fmt.Errorf("client %d: %w", i, err)
			}
		})
	}
	for range load.clients {
		select {
		case <-connected:
		case err := <-failed:
			t.Fatal(err)
		case <-ctx.Done():
			t.Fatal("the clients do not get in")
		}
	}
	enough := time.Now().Add(load.length)
	for i := range load.publishers {
		publishers.Go(func() {
			if err := publish(d, ledger, i, load, enough); err != nil {
				failed <- fmt.Errorf("publisher %d: %w", i, err)
			}
		})
	}
	publishers.Wait()
	close(over)
	last := delivery.Message{To: []string{"*"}, Data: harness.TheEnd}
	ledger.Sent(d.Send("*", harness.TheEnd).ID, last)
	clients.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	for _, wrong := range ledger.Check() {
		t.Error(wrong)
	}
	totals := ledger.Totals()
	t.Log(totals)
	if totals.Messages < load.publishers || totals.Connections < load.clients || totals.Deliveries == 0 {
		t.Errorf("a run of nothing: %s", totals)
	}
	return totals
}

// visitor is a client that keeps leaving and returning.
type visitor struct {
	d      *harness.Daemon
	ledger *delivery.Client
	query  string
	random *rand.Rand
	n      int
	away   time.Duration
	pause  time.Duration
	shared *sharedConn // nil: a connection of its own
	joined bool        // it was connected once
}

func newVisitor(d *harness.Daemon, ledger *delivery.Ledger, n int, load traffic) *visitor {
	v := &visitor{d: d, n: n, away: load.away, pause: load.pause * time.Duration(n%2), random: rand.New(rand.NewPCG(uint64(n), 1))}
	id := fmt.Sprintf("client%d", n)
	if n%10 == 0 {
		v.ledger, v.query = ledger.Client(id, "*"), "subscribe=*&id="+id
		return v
	}
	var names []string
	for _, r := range v.random.Perm(load.rooms)[:1+v.random.IntN(3)] {
		names = append(names, harness.RoomName(r))
	}
	v.ledger, v.query = ledger.Client(id, names...), "subscribe="+strings.Join(names, "-")+"&id="+id
	return v
}

// live subscribes again and again until it has read the last message.
func (v *visitor) live(ctx context.Context, over <-chan struct{}, connected chan<- struct{}) error {
	for connections := 0; ctx.Err() == nil; connections++ {
		r := v.d.Request(v.query)
		if v.n%3 == 0 && v.shared == nil {
			r = v.d.Plain(v.query)
		}
		if v.n%5 == 1 {
			r.Proto = "HTTP/1.0"
		}
		if v.pause > 0 {
			r.ReadBuffer = 4096
		}
		r.LastEventID = v.ledger.LastEventID()
		select {
		case <-over:
		default:
			if connections > 0 || v.random.IntN(2) == 0 {
				r.CutAfter = 1000 + v.random.Int64N(50_000) // in the middle of anything, by a reset
			}
		}
		ended, err := v.visit(ctx, r, over, connected)
		if errors.Is(err, errCutByAnother) {
			continue
		}
		if err != nil || ended {
			return err
		}
		if v.away > 0 {
			select {
			case <-time.After(time.Duration(v.random.Int64N(int64(v.away)))):
			case <-ctx.Done():
			}
		}
	}
	return ctx.Err()
}

// visit reads one connection; ended reports whether the last message was read.
func (v *visitor) visit(ctx context.Context, r subscriber.Request, over <-chan struct{}, connected chan<- struct{}) (ended bool, err error) {
	open := subscriber.Open
	if v.shared != nil {
		open = v.shared.open
	}
	s, err := open(ctx, r)
	if err != nil {
		return false, err
	}
	defer s.Close()
	if s.Status != 200 {
		return false, fmt.Errorf("status %d", s.Status)
	}
	id, err := s.Preface()
	if err != nil {
		return false, v.cutByAnother(s, err)
	}
	v.ledger.Opened(id)
	if !v.joined {
		v.joined = true
		connected <- struct{}{}
	}
	leaveAfter := -1
	if r.CutAfter == 0 {
		leaveAfter = v.random.IntN(400)
	}
	for n := 0; ; n++ {
		e, err := s.Next()
		switch {
		case errors.Is(err, subscriber.ErrCut):
			if s.Shared != nil && v.random.IntN(8) == 0 {
				return false, s.Shared.Cut()
			}
			return false, s.Cut()
		case err != nil:
			return false, fmt.Errorf("after %d events: %w", n, v.cutByAnother(s, err))
		case e.Name == "hasses.gap":
			v.ledger.Gap(e.ID, e.Data)
			continue
		}
		v.ledger.Got(e.ID, e.Name, e.Data)
		if e.Data == harness.TheEnd {
			return true, nil
		}
		select {
		case <-over:
		case <-time.After(v.pause):
			if n == leaveAfter {
				return false, nil
			}
		}
	}
}

// cutByAnother returns err, or errCutByAnother if that is the reason.
func (v *visitor) cutByAnother(s *subscriber.Stream, err error) error {
	if s.Shared != nil && s.Shared.WasCut() {
		return errCutByAnother
	}
	return err
}

var acknowledged = regexp.MustCompile(`^ok (\S+) (\d+)$`)

// publish sends one message after the other until enough, over one of the protocols with responses.
func publish(d *harness.Daemon, ledger *delivery.Ledger, n int, load traffic, enough time.Time) error {
	random := rand.New(rand.NewPCG(uint64(n), 2))
	say, done, err := publishFunc(d, n)
	if err != nil {
		return err
	}
	defer done()
	for i := 0; time.Now().Before(enough); i++ {
		m := delivery.Message{Data: fmt.Sprintf("%d/%d %s", n, i, strings.Repeat("x", random.IntN(load.size)))}
		switch random.IntN(10) {
		case 0:
			m.To = []string{"*"}
		case 1:
			m.To = []string{"room0*"}
		default:
			m.To = []string{harness.RoomName(random.IntN(load.rooms))}
		}
		if random.IntN(5) == 0 {
			m.Except = fmt.Sprintf("client%d", random.IntN(load.clients))
		}
		id, err := say(m)
		if err != nil {
			return err
		}
		ledger.Sent(id, m)
	}
	return nil
}

// publishFunc returns how publisher n sends a message and learns its id: JSON-RPC or classic, Unix
// socket or TCP.
func publishFunc(d *harness.Daemon, n int) (say func(delivery.Message) (string, error), done func(), err error) {
	network, address := "unix", d.Socket
	if n%4 >= 2 {
		network, address = "tcp", d.TCP
	}
	r, err := harness.DialRPC(network, address)
	if err != nil {
		return nil, nil, err
	}
	done = func() { r.Close() }
	if n%2 == 0 {
		return func(m delivery.Message) (string, error) {
			var s harness.Sent
			err := r.Call("send", harness.Object{"to": m.To, "except": m.Except, "data": m.Data}, &s)
			return s.ID, err
		}, done, nil
	}
	ask := func(line string) (string, error) {
		if err := r.Conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
			return "", err
		}
		if _, err := r.Conn.Write([]byte(line + "\n")); err != nil {
			return "", err
		}
		answer, err := r.In.ReadString('\n')
		return strings.TrimSuffix(answer, "\n"), err
	}
	if answer, err := ask("ack_enable"); err != nil || answer != "ok" {
		return nil, nil, fmt.Errorf("ack_enable: %q, %w", answer, err)
	}
	return func(m delivery.Message) (string, error) {
		to := m.To[0]
		if m.Except != "" {
			to += "-" + m.Except
		}
		answer, err := ask(to + "=" + m.Data)
		if err != nil {
			return "", err
		}
		parts := acknowledged.FindStringSubmatch(answer)
		if parts == nil {
			return "", fmt.Errorf("answer %q to a message", answer)
		}
		return parts[1], nil
	}, done, nil
}
