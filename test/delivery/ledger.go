// Package delivery records what publishers sent and what streams received, and proves that nothing was lost, doubled,
// reordered or silently skipped. It judges only at the end: publishers and streams may report in any order.
package delivery

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Message is a message as its publisher sent it.
type Message struct {
	To     []string // rooms, "prefix*" or "*"
	Except string   // client id
	Name   string   // "" is message
	Data   string
}

// Ledger records one run. Its methods may be called by many goroutines.
type Ledger struct {
	mu      sync.Mutex
	epoch   string
	sent    map[uint64]Message
	clients []*Client
	wrong   []string
}

// New returns an empty ledger.
func New() *Ledger {
	return &Ledger{sent: make(map[uint64]Message)}
}

// Sent records that the daemon acknowledged a message as event id.
func (c *Ledger) Sent(id string, m Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seq, ok := c.seq(id, "a publisher")
	if !ok {
		return
	}
	if other, ok := c.sent[seq]; ok {
		c.addProblem("id %s was given to two messages: %q and %q", id, other.Data, m.Data)
	}
	c.sent[seq] = m
}

// Client adds a client that listens to rooms ("*" for all) under the client id.
func (c *Ledger) Client(id string, rooms ...string) *Client {
	cl := &Client{ledger: c, id: id, rooms: rooms, got: make(map[uint64]received)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clients = append(c.clients, cl)
	return cl
}

// Totals are the sums of a ledger. They show that a run did something.
type Totals struct{ Messages, Deliveries, Connections, Gaps, Skipped int }

func (t Totals) String() string {
	return fmt.Sprintf("%d messages, %d deliveries over %d connections; %d gaps that covered %d deliveries",
		t.Messages, t.Deliveries, t.Connections, t.Gaps, t.Skipped)
}

// Totals sums up.
func (c *Ledger) Totals() Totals {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := Totals{Messages: len(c.sent)}
	for _, cl := range c.clients {
		t.Deliveries += len(cl.got)
		t.Connections += cl.connections
		t.Gaps += len(cl.gaps)
		for seq, m := range c.sent {
			if cl.expects(seq, m) && cl.excused(seq) {
				t.Skipped++
			}
		}
	}
	return t
}

// Check returns all problems, nil if there are none. A client must stop only after it has received
// the last message meant for it; otherwise the rest counts as lost.
func (c *Ledger) Check() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cl := range c.clients {
		cl.check()
	}
	wrong := c.wrong
	c.wrong = nil
	return wrong
}

// seq returns the number in an id, all of which must be of one epoch.
func (c *Ledger) seq(id, whose string) (uint64, bool) {
	i := strings.LastIndexByte(id, '-')
	if i < 0 {
		c.addProblem("%s: id %q has no epoch", whose, id)
		return 0, false
	}
	if c.epoch == "" {
		c.epoch = id[:i]
	}
	seq, err := strconv.ParseUint(id[i+1:], 10, 64)
	if err != nil || id[:i] != c.epoch {
		c.addProblem("%s: id %q does not belong to epoch %q", whose, id, c.epoch)
		return 0, false
	}
	return seq, true
}

// maxProblems bounds the list of problems; the first ones tell the story.
const maxProblems = 50

func (c *Ledger) addProblem(format string, args ...any) {
	if len(c.wrong) < maxProblems {
		c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
	}
}

// Client is one listener across all its connections. Call its methods in the order of events.
type Client struct {
	ledger *Ledger
	id     string
	rooms  []string

	// Guarded by ledger.mu.
	opened      bool
	connections int
	start       uint64 // events after this one are owed
	position    uint64 // everything up to here has arrived, was excused, or is missed at the end
	unexplained uint64 // a first frame ahead of position; only a gap may follow
	order       []uint64
	got         map[uint64]received
	gaps        []gap
}

type received struct{ name, data string }

// A gap excuses the events after from, up to and including to.
type gap struct{ from, to uint64 }

// Opened records a new connection whose first frame carried id.
func (cl *Client) Opened(id string) {
	cl.ledger.mu.Lock()
	defer cl.ledger.mu.Unlock()
	seq, ok := cl.ledger.seq(id, "client "+cl.id)
	if !ok {
		return
	}
	cl.connections++
	cl.unexplained = 0
	switch {
	case !cl.opened:
		cl.opened, cl.start, cl.position = true, seq, seq
	case seq > cl.position:
		cl.unexplained = seq
	}
}

// Gap records a hasses.gap with its id and data.
func (cl *Client) Gap(id, data string) {
	cl.ledger.mu.Lock()
	defer cl.ledger.mu.Unlock()
	seq, ok := cl.ledger.seq(id, "client "+cl.id)
	if !ok {
		return
	}
	var named struct {
		LastEventID *string `json:"last_event_id"`
		ResumedAt   *string `json:"resumed_at"`
	}
	if err := json.Unmarshal([]byte(data), &named); err != nil || named.LastEventID == nil || named.ResumedAt == nil {
		cl.ledger.addProblem("client %s: data of hasses.gap is %q", cl.id, data)
		return
	}
	if *named.ResumedAt != id {
		cl.ledger.addProblem("client %s: hasses.gap has id %s but says resumed_at %s", cl.id, id, *named.ResumedAt)
	}
	cl.gaps = append(cl.gaps, gap{cl.position, seq})
	cl.position = max(cl.position, seq)
	cl.unexplained = 0
}

// Got records an event.
func (cl *Client) Got(id, name, data string) {
	cl.ledger.mu.Lock()
	defer cl.ledger.mu.Unlock()
	seq, ok := cl.ledger.seq(id, "client "+cl.id)
	if !ok {
		return
	}
	if cl.unexplained > 0 {
		cl.ledger.addProblem("client %s: silent gap: after %d the stream resumed at %d", cl.id, cl.position, cl.unexplained)
		cl.unexplained = 0
	}
	if _, ok := cl.got[seq]; ok {
		cl.ledger.addProblem("client %s: event %d came twice", cl.id, seq)
		return
	}
	if n := len(cl.order); n > 0 && seq < cl.order[n-1] {
		cl.ledger.addProblem("client %s: event %d came after %d", cl.id, seq, cl.order[n-1])
	}
	cl.got[seq] = received{name, data}
	cl.order = append(cl.order, seq)
	cl.position = max(cl.position, seq)
}

// LastEventID returns the id to resume with, "" before the first connection.
func (cl *Client) LastEventID() string {
	cl.ledger.mu.Lock()
	defer cl.ledger.mu.Unlock()
	if !cl.opened {
		return ""
	}
	return cl.ledger.epoch + "-" + strconv.FormatUint(cl.position, 10)
}

func (cl *Client) check() {
	ledger := cl.ledger
	if !cl.opened {
		ledger.addProblem("client %s: never connected", cl.id)
		return
	}
	for _, seq := range cl.order {
		m, ok := ledger.sent[seq]
		r := cl.got[seq]
		switch {
		case !ok:
			ledger.addProblem("client %s: event %d (%q) was never sent", cl.id, seq, r.data)
		case !cl.expects(seq, m):
			ledger.addProblem("client %s: event %d to %q except %q was not for it", cl.id, seq, m.To, m.Except)
		case r.data != m.Data:
			ledger.addProblem("client %s: event %d says %q, sent was %q", cl.id, seq, r.data, m.Data)
		case r.name != m.Name && (m.Name != "" || r.name != "message"):
			ledger.addProblem("client %s: event %d is named %q, sent was %q", cl.id, seq, r.name, m.Name)
		}
	}
	var lost []uint64
	for seq, m := range ledger.sent {
		if _, ok := cl.got[seq]; !ok && cl.expects(seq, m) && !cl.excused(seq) {
			lost = append(lost, seq)
		}
	}
	if len(lost) > 0 {
		slices.Sort(lost)
		ledger.addProblem("client %s: lost %d events: %d (started after %d, received %d)", cl.id, len(lost), lost[:min(len(lost), 10)], cl.start, len(cl.got))
	}
}

// expects reports whether the client must get the message.
func (cl *Client) expects(seq uint64, m Message) bool {
	if seq <= cl.start || m.Except != "" && m.Except == cl.id {
		return false
	}
	return slices.ContainsFunc(m.To, func(to string) bool {
		prefix, isPrefix := strings.CutSuffix(to, "*")
		return slices.ContainsFunc(cl.rooms, func(room string) bool {
			return room == "*" || room == to || isPrefix && strings.HasPrefix(room, prefix)
		})
	})
}

func (cl *Client) excused(seq uint64) bool {
	return slices.ContainsFunc(cl.gaps, func(g gap) bool { return g.from < seq && seq <= g.to })
}
