package jetstream

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// The model test runs several nodes on a log in memory that loses, delays, repeats and reorders what it may, in virtual
// time, with clients that hop from node to node. Of the daemon it runs order and hub; of the session, what it decides.

var (
	modelRuns  = flag.Int("model.runs", 300, "how many runs of the model")
	modelFirst = flag.Int("model.first", 0, "the seed of the first run of the model")
)

// simRecord is a record of the model's log.
type simRecord struct {
	entry
	data string
}

// simLog is a stream as brokers keep it.
type simLog struct {
	created int64
	first   uint64
	records []simRecord
	known   map[string]uint64 // ids that the brokers remember
}

func (l *simLog) last() uint64 { return l.first + uint64(len(l.records)) - 1 }

// add stores a record, unless the brokers know its id.
func (l *simLog) add(r simRecord) {
	if r.id != "" {
		if _, twice := l.known[r.id]; twice {
			return
		}
		l.known[r.id] = 0
	}
	r.seq = l.last() + 1
	l.records = append(l.records, r)
}

func (l *simLog) look() look {
	seen := look{created: l.created, first: l.first, last: l.last()}
	for i := len(l.records) - 1; i >= 0; i-- {
		if l.records[i].kind == kindEpoch {
			mark := l.records[i].entry
			seen.mark = &mark
			break
		}
	}
	return seen
}

// clone copies the log, for a backup.
func (l *simLog) clone() simLog {
	c := *l
	c.records = append([]simRecord(nil), l.records...)
	c.known = make(map[string]uint64)
	for id := range l.known {
		c.known[id] = 0
	}
	return c
}

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
		n.isOnline, n.created, n.next = true, m.log.created, p.from
		if p.rebase != nil {
			m.rebase(n, *p.rebase)
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

func (m *model) give(id sse.ID, data string) {
	if other, twice := m.given[id]; twice && other != data {
		m.fail("%s names %s and %s", id, other, data)
	}
	m.given[id] = data
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

// loseEnd loses the newest records. What no node has read was not given to anybody. What one has read is known by that
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
		c.mustGap = start.ID != c.at
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
