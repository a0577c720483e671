package test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/delivery"
	"github.com/hassesd/hassesd/test/subscriber"
)

// The tests named TestT1... are of one threat each, as docs/security.md numbers them. In each a real attacker is at work
// on a real daemon while a herd of good streams receives: none of them may lose anything. How much later events arrive
// meanwhile is told, not judged: it hangs on the machine. `make threats` runs them one by one, with 1,000 streams.

// herdStreams is how many good streams there are; HASSESD_TEST_HERD changes it.
func herdStreams(t testing.TB) int {
	t.Helper()
	text := os.Getenv("HASSESD_TEST_HERD")
	if text == "" {
		return 100
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("HASSESD_TEST_HERD is %q, want a number of streams", text)
	}
	return n
}

// herd is many good streams that hear everything that is published, from several addresses.
type herd struct {
	d       *daemon
	book    *delivery.Checker
	readers sync.WaitGroup
	talker  sync.WaitGroup
	quiet   chan struct{} // closed when the talker has to stop

	mu       sync.Mutex
	underWay bool // the attack
	idle     []time.Duration
	attacked []time.Duration
	wrong    []error
}

// herdFrom is the address of good stream i: fifty share one, as in an office.
func herdFrom(i int) string { return fmt.Sprintf("127.200.%d.%d", i/50/250, 1+i/50%250) }

// beat is the pause between two messages to the herd.
const beat = 50 * time.Millisecond

// newHerd opens the streams and begins to talk to them. It returns when each has heard something.
func newHerd(d *daemon) *herd {
	d.t.Helper()
	h := &herd{d: d, book: delivery.New(), quiet: make(chan struct{})}
	n := herdStreams(d.t)
	var opened sync.WaitGroup
	places := make(chan struct{}, 8) // handshakes at a time
	for i := range n {
		client := h.book.Client(fmt.Sprintf("good%d", i), "herd")
		opened.Add(1)
		h.readers.Go(func() {
			places <- struct{}{}
			s, err := h.open(i, client)
			<-places
			opened.Done()
			if err == nil {
				defer s.Close()
				err = h.listen(s, client)
			}
			if err != nil {
				h.complain(fmt.Errorf("good stream %d: %w", i, err))
			}
		})
	}
	opened.Wait()
	h.talker.Go(h.talk)
	d.t.Cleanup(func() { h.hush() })
	h.eventuallyHeard(2 * n)
	return h
}

func (h *herd) open(i int, client *delivery.Client) (*subscriber.Stream, error) {
	r := h.d.request(fmt.Sprintf("subscribe=herd&id=good%d", i))
	r.From = herdFrom(i)
	s, err := subscriber.Open(context.WithoutCancel(h.d.t.Context()), r)
	if err != nil {
		return nil, err
	}
	if s.Status != 200 {
		s.Close()
		return nil, fmt.Errorf("status %d", s.Status)
	}
	id, err := s.Preface()
	if err != nil {
		s.Close()
		return nil, err
	}
	client.Opened(id)
	return s, nil
}

// listen reads until the end is said; the text of each message is when it was sent.
func (h *herd) listen(s *subscriber.Stream, client *delivery.Client) error {
	for {
		e, err := s.Next()
		if err != nil {
			return err
		}
		now := time.Now()
		client.Got(e.ID, e.Name, e.Data)
		if e.Data == theEnd {
			return nil
		}
		sent, err := strconv.ParseInt(e.Data, 10, 64)
		if err != nil {
			return err
		}
		h.note(now.Sub(time.Unix(0, sent)))
	}
}

func (h *herd) note(late time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.underWay {
		h.attacked = append(h.attacked, late)
	} else {
		h.idle = append(h.idle, late)
	}
}

func (h *herd) complain(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wrong = append(h.wrong, err)
}

// talk publishes until it is hushed, on a control connection of its own.
func (h *herd) talk() {
	c, err := dialRPC("unix", h.d.socket)
	if err != nil {
		h.complain(err)
		return
	}
	defer c.Close()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for text := ""; text != theEnd; {
		select {
		case <-tick.C:
			text = strconv.FormatInt(time.Now().UnixNano(), 10)
		case <-h.quiet:
			text = theEnd
		}
		if err := h.say(c, text); err != nil {
			h.complain(fmt.Errorf("publish to the herd: %w", err))
			return
		}
	}
}

func (h *herd) say(c *rpc, text string) error {
	var s sent
	if err := c.call("send", object{"to": "herd", "data": text}, &s); err != nil {
		return err
	}
	h.book.Sent(s.ID, delivery.Message{To: []string{"herd"}, Data: text})
	return nil
}

func (h *herd) heard() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.idle) + len(h.attacked) + len(h.wrong)*1000
}

func (h *herd) eventuallyHeard(n int) {
	h.d.t.Helper()
	eventually(h.d.t, "every good stream hears", func() bool { return h.heard() >= n })
}

// during runs an attack for a time, and a little longer if the herd has not heard much in it.
func (h *herd) during(length time.Duration, attack func(ctx context.Context)) {
	h.d.t.Helper()
	h.mu.Lock()
	h.underWay = true
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(h.d.t.Context(), length)
	defer cancel()
	attack(ctx)
	<-ctx.Done()
	h.eventuallyHeard(h.heard() + 1) // it lives
	h.mu.Lock()
	h.underWay = false
	h.mu.Unlock()
}

func (h *herd) hush() {
	select {
	case <-h.quiet:
	default:
		close(h.quiet)
	}
	h.talker.Wait()
	h.readers.Wait()
}

// finish lets every stream hear the end, and judges.
func (h *herd) finish() {
	h.d.t.Helper()
	h.hush()
	for _, err := range h.wrong {
		h.d.t.Error(err)
	}
	for _, wrong := range h.book.Check() {
		h.d.t.Error(wrong)
	}
	totals := h.book.Totals()
	if totals.Gaps > 0 || totals.Connections != herdStreams(h.d.t) {
		h.d.t.Errorf("the herd was disturbed: %s", totals)
	}
	if len(h.attacked) == 0 {
		h.d.t.Error("nothing was delivered during the attack")
	}
	idle, attacked := percentile(h.idle, 0.99), percentile(h.attacked, 0.99)
	h.d.t.Logf("%s; p99 %s idle, %s during the attack: %.1f times", totals, idle, attacked, float64(attacked)/float64(max(idle, 1)))
	if attacked > patience/2 {
		h.d.t.Errorf("deliveries take %s", attacked)
	}
}

func percentile(all []time.Duration, part float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return all[min(int(part*float64(len(all))), len(all)-1)]
}

// limits is what the control protocol says about them.
type limits struct {
	Limits []struct {
		Key   string `json:"key"`
		Used  int64  `json:"used"`
		Limit int64  `json:"limit"`
		Of    string `json:"of"`
	} `json:"limits"`
	Refused   map[string]uint64 `json:"refused"`
	Penalties struct {
		Mode      string `json:"mode"`
		Penalized []struct {
			Network     string  `json:"network"`
			SecondsLeft float64 `json:"seconds_left"`
			Why         string  `json:"why"`
		} `json:"penalized"`
		Total    int               `json:"total"`
		DryRun   uint64            `json:"dry_run"`
		Offences map[string]uint64 `json:"offences"`
	} `json:"penalties"`
}

func (d *daemon) limits() limits {
	d.t.Helper()
	var l limits
	d.call("limits", nil, &l)
	return l
}

func (l limits) penalized(network string) bool {
	for _, p := range l.Penalties.Penalized {
		if p.Network == network {
			return true
		}
	}
	return false
}

// newcomer opens a stream from an address that has done nothing wrong, and tells how long that took.
func (d *daemon) newcomer(from string) time.Duration {
	d.t.Helper()
	r := d.request("subscribe=newcomers")
	r.From = from
	began := time.Now()
	d.open(r)
	return time.Since(began)
}
