package jetstream

import (
	"fmt"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

type simNode struct {
	name     string
	boot     int
	order    order
	hub      *hub.Hub
	shard    *hub.Shard
	isOnline bool
	created  int64
	next     uint64 // of the consumer
	lost     time.Time
	atEnd    time.Time // when it had read all that there was
	number   int
	pending  map[string]string // data by id, and the epoch in front
}

// boot starts a node, which knows nothing.
func (m *model) boot(n *simNode) {
	boot := n.boot + 1
	*n = simNode{name: n.name, boot: boot, pending: make(map[string]string)}
	n.hub = hub.New(hub.Options{Epoch: "0", IsShared: true, QueueBytes: 1 << 30, History: hub.HistoryLimits{Events: 50, Bytes: 1 << 20, Age: time.Hour}})
	n.shard = n.hub.NewShard(func() {})
}

// sync is what a session does before it follows.
func (m *model) sync(n *simNode) {
	for range 4 {
		seen := m.log.look()
		lasted := time.Duration(0)
		if !n.lost.IsZero() {
			lasted = m.now.Sub(n.lost)
		}
		p := n.order.resume(seen, lasted)
		switch {
		case p.wait:
			if n.lost.IsZero() {
				n.lost = m.now
			}
			return
		case p.write != nil:
			if m.r.IntN(4) == 0 {
				m.arrive() // others may be faster
			}
			if m.log.last() != p.write.last {
				continue
			}
			m.epochs++
			m.log.add(simRecord{entry: entry{kind: kindEpoch, readable: true, epoch: fmt.Sprintf("e%04d", m.epochs), created: m.log.created}})
			continue
		}
		n.lost = time.Time{}
		if m.r.IntN(8) == 0 {
			return // the session ends before it follows
		}
		n.isOnline, n.created, n.next = true, m.log.created, p.from
		if p.rebase != nil {
			m.rebase(n, *p.rebase)
			n.order.told()
		}
		return
	}
}

func (m *model) rebase(n *simNode, id sse.ID) {
	n.hub.Rebase(id)
	for at := range n.pending {
		if !strings.HasSuffix(at, "."+id.Epoch) {
			delete(n.pending, at)
		}
	}
}

// read lets a node read one record.
func (m *model) read(n *simNode) {
	switch {
	case !n.isOnline:
		return
	case n.created != m.log.created: // the consumer went with the stream
		n.isOnline = false
		return
	}
	at := max(n.next, m.log.first)
	if at > m.log.last() {
		return
	}
	r := m.log.records[at-m.log.first]
	n.next = at + 1
	v, base := n.order.next(&r.entry)
	if v == suspect {
		n.isOnline = false
		return
	}
	if base != nil {
		m.rebase(n, *base)
	}
	if v != deliver {
		return
	}
	id := n.order.id()
	d, err := eventlog.NewDraft(eventlog.Message{To: []names.Target{{Kind: names.Room, Name: "a"}}, Event: sse.Event{Data: r.data}})
	if err != nil {
		m.t.Fatal(err)
	}
	if !n.hub.Apply(d.Record(d.Encode(), id, m.now, nil)) {
		m.t.Fatal("no room")
	}
	if data, own := n.pending[r.id]; own && strings.HasSuffix(r.id, "."+id.Epoch) {
		delete(n.pending, r.id)
		if other, twice := m.acked[id]; twice && other != data {
			m.fail("%s was given to %s and to %s", id, other, data)
		}
		m.acked[id] = data
		m.give(id, data)
	}
}

// restate is what watch does where the stream has lost the record of the epoch.
func (m *model) restate(n *simNode) {
	seen := m.log.look()
	if n.order.position+1 < seen.first {
		n.isOnline = false
		return
	}
	if n.isOnline && n.created == m.log.created && seen.mark == nil && n.order.position == seen.last && n.next > seen.last {
		m.log.add(simRecord{entry: entry{kind: kindEpoch, readable: true, epoch: n.order.epoch, since: n.order.since, created: m.log.created}})
	}
}

// publish puts a message on its way, at times twice.
func (m *model) publish(n *simNode) {
	if !n.isOnline {
		return
	}
	m.number++
	n.number++
	data := fmt.Sprint("m", m.number)
	id := fmt.Sprintf("%s-%d-%d.%s", n.name, n.boot, n.number, n.order.epoch)
	m.sent[data] = true
	n.pending[id] = data
	r := simRecord{entry{kind: kindMessage, id: id, readable: true, epoch: n.order.epoch, after: n.order.position}, data}
	for range 1 + m.r.IntN(2) {
		if m.r.IntN(12) > 0 {
			m.flight = append(m.flight, r)
		}
	}
}
