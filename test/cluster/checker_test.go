package cluster

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// id is an event id in parts.
type id struct {
	epoch string
	seq   uint64
}

func (i id) String() string { return i.epoch + "-" + strconv.FormatUint(i.seq, 10) }

func parseID(text string) (id, bool) {
	dash := strings.LastIndexByte(text, '-')
	if dash < 0 {
		return id{}, false
	}
	seq, err := strconv.ParseUint(text[dash+1:], 10, 64)
	return id{text[:dash], seq}, err == nil
}

// checker records what publishers were told and what clients got, and judges at the end.
type checker struct {
	mu sync.Mutex
	// Guarded by mu.
	sent    map[string]message // by data
	acked   map[id]string      // data
	clients []*record
	wrong   []string
}

// message is one as its publisher knows it.
type message struct {
	room    string
	isAcked bool
	id      id
}

// record is what one client got over all its connections, in order.
type record struct {
	name    string
	rooms   []string
	steps   []step
	mu      sync.Mutex
	lastID  string
	opened  int
	counted int // events
}

// step is one thing that a client got.
type step struct {
	what byte // 'p' preface, 'g' gap, 'e' event
	id   string
	data string
	last string // of a gap: what it says about where it begins
}

func newChecker() *checker {
	return &checker{sent: make(map[string]message), acked: make(map[id]string)}
}

func (c *checker) problem(format string, args ...any) {
	if len(c.wrong) < 40 {
		c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
	}
}

// publishing is called before a message is sent, and acknowledged when its publisher is told its id.
func (c *checker) publishing(room, data string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent[data] = message{room: room}
}

func (c *checker) acknowledged(data, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := parseID(text)
	if !ok {
		c.problem("%q was acknowledged as %q", data, text)
		return
	}
	if other, given := c.acked[at]; given && other != data {
		c.problem("id %s was given to %q and to %q", at, other, data)
	}
	c.acked[at] = data
	m := c.sent[data]
	m.isAcked, m.id = true, at
	c.sent[data] = m
}

// client adds a client of the rooms.
func (c *checker) client(name string, rooms ...string) *record {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &record{name: name, rooms: rooms}
	c.clients = append(c.clients, r)
	return r
}

// add records a step.
func (r *record) add(s step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps = append(r.steps, s)
	if s.id != "" {
		r.lastID = s.id
	}
	switch s.what {
	case 'p':
		r.opened++
	case 'e':
		r.counted++
	}
}

func (r *record) resumeAt() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lastID
}

// has reports whether the client got the message.
func (r *record) has(data string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.steps[max(0, len(r.steps)-2000):], func(s step) bool { return s.what == 'e' && s.data == data })
}

// totals are what a run has done.
type totals struct{ acknowledged, refused, deliveries, connections, gaps, epochs int }

func (t totals) String() string {
	return fmt.Sprintf("%d acknowledged, %d without an answer, %d deliveries checked over %d connections, %d gaps, %d epochs",
		t.acknowledged, t.refused, t.deliveries, t.connections, t.gaps, t.epochs)
}

// check returns what was wrong, and what was done.
func (c *checker) check() (wrong []string, sum totals) {
	c.mu.Lock()
	defer c.mu.Unlock()
	epochs := make(map[string]struct{})
	// What each room is owed, in order: only what was acknowledged is.
	owed := make(map[string][]id)
	for at, data := range c.acked {
		room := c.sent[data].room
		owed[room] = append(owed[room], at)
		epochs[at.epoch] = struct{}{}
	}
	for _, ids := range owed {
		slices.SortFunc(ids, func(a, b id) int { return cmp.Or(strings.Compare(a.epoch, b.epoch), cmp.Compare(a.seq, b.seq)) })
	}
	given := make(map[id]string, len(c.acked))
	for at, data := range c.acked {
		given[at] = data
	}
	for _, m := range c.sent {
		if m.isAcked {
			sum.acknowledged++
		} else {
			sum.refused++
		}
	}
	for _, r := range c.clients {
		c.checkClient(r, owed, given, &sum)
	}
	sum.epochs = len(epochs)
	return c.wrong, sum
}

func (c *checker) checkClient(r *record, owed map[string][]id, given map[id]string, sum *totals) {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := make(map[string]id)
	var at id // everything up to here has come, or was said to be missing
	begun, mustGap := false, false
	for _, s := range r.steps {
		here, ok := parseID(s.id)
		if !ok {
			c.problem("%s: %c with the id %q", r.name, s.what, s.id)
			continue
		}
		switch s.what {
		case 'p':
			sum.connections++
			switch {
			case !begun:
				begun, at = true, here
			case here.epoch != at.epoch || here.seq > at.seq:
				mustGap = true // the gap follows at once
			}
		case 'g':
			sum.gaps++
			mustGap, at = false, here
		case 'e':
			sum.deliveries++
			m, known := c.sent[s.data]
			switch {
			case !known:
				c.problem("%s: %s is %q, which nobody sent", r.name, s.id, s.data)
				continue
			case !slices.Contains(r.rooms, m.room):
				c.problem("%s: %q to %s is not for it", r.name, s.data, m.room)
			case m.isAcked && m.id != here:
				c.problem("%s: %q has the id %s and was acknowledged as %s", r.name, s.data, here, m.id)
			}
			if first, twice := got[s.data]; twice {
				c.problem("%s: %q came twice, as %s and %s", r.name, s.data, first, here)
			}
			got[s.data] = here
			if other, is := given[here]; is && other != s.data {
				c.problem("id %s names %q and %q", here, other, s.data)
			}
			given[here] = s.data
			if mustGap || here.epoch != at.epoch {
				c.problem("%s: after %s comes %s, without a gap", r.name, at, here)
			} else if here.seq <= at.seq {
				c.problem("%s: after %s comes %s", r.name, at, here)
			}
			for _, room := range r.rooms {
				for _, missed := range between(owed[room], at, here) {
					c.problem("%s: %s (%q) was lost: %s came after %s", r.name, missed, c.acked[missed], here, at)
				}
			}
			mustGap, at = false, here
		}
	}
}

// between returns the ids of the epoch of to that lie between from and to.
func between(ids []id, from, to id) []id {
	if from.epoch != to.epoch {
		return nil
	}
	find := func(at id) int {
		i, _ := slices.BinarySearchFunc(ids, at, func(a, b id) int { return cmp.Or(strings.Compare(a.epoch, b.epoch), cmp.Compare(a.seq, b.seq)) })
		return i
	}
	low, high := find(id{from.epoch, from.seq + 1}), find(to)
	if low >= high {
		return nil
	}
	return ids[low:high]
}

// gapLast returns where a gap says that it begins.
func gapLast(data string) string {
	var named struct {
		LastEventID string `json:"last_event_id"`
	}
	_ = json.Unmarshal([]byte(data), &named)
	return named.LastEventID
}
