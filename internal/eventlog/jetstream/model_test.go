package jetstream

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/sse"
)

// The model test runs several nodes on a log in memory that loses, delays, repeats and reorders what it may, in virtual
// time, with clients that hop from node to node. Of the daemon it runs order and hub; of the session, what it decides.

var (
	modelRuns  = flag.Int("model.runs", 300, "how many runs of the model")
	modelFirst = flag.Int("model.first", 0, "the seed of the first run of the model")
)

type model struct {
	t       testing.TB
	r       *rand.Rand
	now     time.Time
	log     simLog
	backup  *simLog
	nodes   []*simNode
	clients []*simClient
	flight  []simRecord
	sent    map[string]bool
	acked   map[sse.ID]string
	given   map[sse.ID]string
	number  int
	epochs  int
	faults  bool // storage may be lost
	failed  bool
}

func (m *model) fail(format string, args ...any) {
	m.failed = true
	m.t.Errorf(format, args...)
}

func newModel(t testing.TB, seed uint64) *model {
	m := &model{
		t: t, r: rand.New(rand.NewPCG(seed, 5)), now: time.Unix(1_800_000_000, 0), sent: make(map[string]bool),
		acked: make(map[sse.ID]string), given: make(map[sse.ID]string), faults: seed%2 == 1,
	}
	m.log = simLog{created: 1, first: 1, known: make(map[string]uint64)}
	for i := range 3 {
		n := &simNode{name: fmt.Sprint("n", i)}
		m.boot(n)
		m.nodes = append(m.nodes, n)
	}
	for range 4 {
		c := &simClient{got: make(map[string]sse.ID)}
		c.Owner = c
		m.clients = append(m.clients, c)
	}
	return m
}

func (m *model) give(id sse.ID, data string) {
	if other, twice := m.given[id]; twice && other != data {
		m.fail("%s names %s and %s", id, other, data)
	}
	m.given[id] = data
}

// arrive lets one of the messages on their way come to the log.
func (m *model) arrive() {
	if len(m.flight) == 0 {
		return
	}
	i := m.r.IntN(min(len(m.flight), 4))
	r := m.flight[i]
	m.flight = append(m.flight[:i], m.flight[i+1:]...)
	if m.r.IntN(8) == 0 {
		delete(m.log.known, r.id) // the new leader has not heard of it yet
	}
	m.log.add(r)
}

// offline ends all sessions. Messages on their way to the brokers are gone.
func (m *model) offline() {
	for _, n := range m.nodes {
		n.isOnline = false
	}
	m.flight = nil
}

// lose is one way to lose storage.
func (m *model) lose() {
	switch m.r.IntN(5) {
	case 0: // all of it
		m.log = simLog{created: m.log.created + 1, first: 1, known: make(map[string]uint64)}
		if m.r.IntN(2) == 0 {
			m.offline()
		}
	case 1: // its end, as when the power of all brokers fails
		m.loseEnd()
	case 2: // a purge
		m.log.first += uint64(len(m.log.records))
		m.log.records = nil
	case 3: // lower limits
		gone := m.r.IntN(len(m.log.records) + 1)
		m.log.records, m.log.first = m.log.records[gone:], m.log.first+uint64(gone)
	case 4: // an older copy, while no node runs on that knows better
		if m.backup == nil {
			b := m.log.clone()
			m.backup = &b
			return
		}
		m.log, m.backup = m.backup.clone(), nil
		m.log.created += 1000
		m.offline()
	}
}

// loseEnd loses the newest records. What no node has read, no client has got. What one has read is known by that
// node alone: a log that has lost it, too, is noticed only while such a node lives, and looks before another one publishes.
func (m *model) loseEnd() {
	m.offline()
	var knows *simNode
	for _, n := range m.nodes {
		if n.order.created == m.log.created && (knows == nil || n.order.position > knows.order.position) {
			knows = n
		}
	}
	if knows == nil {
		return
	}
	for id := range m.given {
		if id.Epoch > knows.order.epoch || id.Epoch == knows.order.epoch && id.Seq > knows.order.position {
			return
		}
	}
	gone := m.r.IntN(min(10, len(m.log.records)) + 1)
	m.log.records = m.log.records[:len(m.log.records)-gone]
	for !knows.isOnline {
		m.now = m.now.Add(settle)
		m.sync(knows)
	}
}

func (m *model) step() {
	for _, n := range m.nodes {
		if n.isOnline && n.order.position == m.log.last() {
			n.atEnd = m.now
		}
	}
	n := m.nodes[m.r.IntN(len(m.nodes))]
	c := m.clients[m.r.IntN(len(m.clients))]
	switch k := m.r.IntN(100); {
	case k < 35:
		m.read(n)
	case k < 50:
		m.publish(n)
	case k < 65:
		m.arrive()
	case k < 75:
		m.receive(c, 1+m.r.IntN(3))
	case k < 82:
		m.hop(c)
	case k < 90:
		if !n.isOnline {
			m.sync(n)
		}
		m.now = m.now.Add(time.Duration(m.r.IntN(1500)) * time.Millisecond)
	case k < 92:
		m.restate(n)
	case k < 93:
		n.isOnline = false
	case k < 95:
		m.boot(n)
	case k < 96:
		m.offline()
	case k < 97 && m.faults:
		m.lose()
	}
}

// settle lets everything arrive, and checks that nobody waits for anything.
func (m *model) settle() {
	for len(m.flight) > 0 {
		m.arrive()
	}
	for range 20 {
		m.now = m.now.Add(settle)
		for _, n := range m.nodes {
			if !n.isOnline {
				m.sync(n)
			}
			for range 400 {
				m.read(n)
			}
			m.restate(n)
		}
	}
	for _, n := range m.nodes {
		if !n.isOnline || n.order.position != m.log.last() {
			m.fail("%s is online: %t, at %s of %d", n.name, n.isOnline, n.order.id(), m.log.last())
		}
		if n.order.epoch != m.nodes[0].order.epoch {
			m.fail("the nodes have the epochs %s and %s", n.order.epoch, m.nodes[0].order.epoch)
		}
	}
	if m.failed {
		return
	}
	for _, n := range m.nodes {
		n.atEnd = m.now
	}
	for _, c := range m.clients {
		m.receive(c, 1000)
		for c.node == nil {
			m.hop(c)
		}
		m.receive(c, 1000)
		for id, data := range m.acked {
			if id.Epoch == c.at.Epoch && id.Seq > c.at.Seq {
				m.fail("%s (%s) never came; the client is at %s", data, id, c.at)
			}
		}
		if c.at.Epoch != m.nodes[0].order.epoch {
			m.fail("a client is left in the epoch %s of %s", c.at.Epoch, m.nodes[0].order.epoch)
		}
		if !m.faults && c.gaps > 0 && m.log.first == 1 && len(m.log.records) < 50 {
			m.fail("%d gaps, and nothing was lost", c.gaps)
		}
	}
}

func TestModel(t *testing.T) {
	t.Parallel()
	acked, got, gaps, epochs := 0, 0, 0, 0
	for seed := uint64(*modelFirst); seed < uint64(*modelFirst+*modelRuns); seed++ {
		m := newModel(t, seed)
		for range 400 {
			m.step()
			if m.failed {
				break
			}
		}
		if !m.failed {
			m.settle()
		}
		if m.failed {
			t.Fatalf("seed %d", seed)
		}
		acked += len(m.acked)
		epochs += m.epochs
		for _, c := range m.clients {
			got += len(c.got)
			gaps += c.gaps
		}
	}
	t.Logf("%d runs: %d acknowledged, %d deliveries, %d gaps, %d epochs", *modelRuns, acked, got, gaps, epochs)
	if acked == 0 || got == 0 || gaps == 0 {
		t.Error("nothing happened")
	}
}
