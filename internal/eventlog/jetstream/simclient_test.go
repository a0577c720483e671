package jetstream

import (
	"strings"

	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/sse"
)

type simClient struct {
	hub.Stream
	node    *simNode
	boot    int
	bytes   []byte
	at      sse.ID // everything up to here has come, or was said to be missing
	begun   bool
	mustGap bool
	got     map[string]sse.ID
	gaps    int
}

func (c *simClient) Queued(*hub.Stream, int)  {}
func (c *simClient) Blocked(*hub.Stream) bool { return false }
func (c *simClient) Overflow(*hub.Stream)     { panic("the queue has no bound here") }

// hop takes a client to a node.
func (m *model) hop(c *simClient) {
	m.leave(c)
	n := m.nodes[m.r.IntN(len(m.nodes))]
	if !n.isOnline || m.now.Sub(n.atEnd) > 2*lookInterval { // it is not ready
		return
	}
	last := ""
	if c.begun {
		last = c.at.String()
	}
	if n.hub.IsBehind(m.now, last) {
		return
	}
	c.node, c.boot = n, n.boot
	start := n.shard.Subscribe(m.now, &c.Stream, hub.Subscription{Rooms: []string{"a"}, LastEventID: last})
	switch {
	case !c.begun:
		c.begun, c.at = true, start.ID
	default:
		c.mustGap = start.Gap != nil
		if start.ID != c.at && !(start.ID == sse.ID{Epoch: "0"} && c.mustGap) {
			m.fail("resumed at %s, and the stream begins at %s", c.at, start.ID)
		}
	}
}

// leave ends a client's stream, after what it has got.
func (m *model) leave(c *simClient) {
	if c.node == nil {
		return
	}
	if c.node.boot == c.boot {
		c.node.shard.Unsubscribe(&c.Stream)
		c.node.shard.Release(&c.Stream)
	}
	c.node, c.bytes = nil, nil
	c.Stream = hub.Stream{Owner: c}
}

// receive takes what has come for a client.
func (m *model) receive(c *simClient, limit int) {
	if c.node == nil || c.node.boot != c.boot {
		m.leave(c)
		return
	}
	for c.node.shard.Deliver(1000, 1<<20) {
	}
	for range limit {
		c.bytes = c.Pop(c.bytes, 256)
	}
	for {
		frame, rest, whole := strings.Cut(string(c.bytes), "\n\n")
		if !whole {
			return
		}
		c.bytes = []byte(rest)
		m.frame(c, frame)
	}
}

func (m *model) frame(c *simClient, frame string) {
	text, rest, _ := strings.Cut(strings.TrimPrefix(frame, "id: "), "\n")
	id, ok := sse.ParseID(text)
	if !ok {
		m.fail("a frame %q", frame)
		return
	}
	if strings.HasPrefix(rest, "event: hasses.gap") {
		c.gaps++
		c.mustGap, c.at = false, id
		return
	}
	data := strings.TrimPrefix(rest, "data: ")
	if !m.sent[data] {
		m.fail("%q came, which nobody sent", data)
	}
	m.give(id, data)
	if first, twice := c.got[data]; twice {
		m.fail("%s came twice, as %s and %s", data, first, id)
	}
	c.got[data] = id
	if c.mustGap || id.Epoch != c.at.Epoch || id.Seq <= c.at.Seq {
		m.fail("after %s comes %s, without a gap: %t", c.at, id, c.mustGap)
	}
	for seq := c.at.Seq + 1; seq < id.Seq; seq++ {
		if lost, acked := m.acked[sse.ID{Epoch: id.Epoch, Seq: seq}]; acked {
			m.fail("%s (%d) was lost between %s and %s", lost, seq, c.at, id)
		}
	}
	c.at = id
}
