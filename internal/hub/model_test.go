package hub

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/sse"
)

// The model test drives a hub with random operations and compares what arrives with an oracle that
// knows all messages and all subscriptions, and nothing of rooms, inboxes, queues and cursors. It
// does so behind the log in memory, and behind one that is elsewhere: see distantLog.

var (
	modelRooms   = []string{"a", "ab", "abc", "b"}
	modelTargets = []string{"a", "ab", "abc", "b", "a*", "ab*", "c*", "*", "a,b", "ab,a*", "abc,abc*,c", "b,ab*,a"}
	modelIDs     = []string{"", "", "x", "y"}
)

// sent is a message as the oracle knows it.
type sent struct {
	seq      uint64
	msg      eventlog.Message
	at       time.Time
	frame    string // with its blank line
	receipt  *eventlog.Receipt
	possible int // streams it was for when it was published
}

// listener is a client with what the oracle knows of it.
type listener struct {
	client
	sub        Subscription
	subscribed bool
	began      uint64 // the newest message when it subscribed
	pos        uint64 // the last number that arrived, or was said not to come
	startGap   string // the frame that must come first
	oldRest    bool   // the frame that was begun before the latest Subscribe is still to end
	overflown  bool
	wasBlocked bool // while subscribed
}

type model struct {
	*testHub
	ops       []byte
	policy    Policy
	limits    HistoryLimits
	listeners []*listener
	published int     // messages that were accepted
	log       []*sent // those that were applied, by number
	gone      int     // how many of them have left the history
	floor     uint64  // the number of the last of these
	distant   *distantLog
}

// byte takes the next operand, below n; 0 when the operations are used up.
func (m *model) byte(n int) int {
	if len(m.ops) == 0 {
		return 0
	}
	b := int(m.ops[0]) % n
	m.ops = m.ops[1:]
	return b
}

func runModel(t testing.TB, ops []byte, isDistant bool) {
	m := &model{ops: ops}
	m.policy = Policy(m.byte(3))
	m.limits = modelLimits(m.byte(4))
	m.testHub = newTestHub(t, 2, Options{
		History: m.limits, Slow: m.policy, QueueBytes: m.queueBytes(), InboxEvents: 6, InboxBytes: 400,
	})
	if isDistant {
		m.distant = &distantLog{follower: m.hub, random: rand.New(rand.NewPCG(3, uint64(len(ops))))}
	}
	for i := range 6 {
		l := &listener{client: client{w: m.testHub, shard: m.shards[i%2]}}
		l.Owner = &l.client
		m.listeners = append(m.listeners, l)
	}
	for len(m.ops) > 0 && !t.Failed() {
		m.step()
		m.check()
	}
	m.settle()
}

// queueBytes is little, but under Latest enough for one event of each target, so that none of them
// may be lost.
func (m *model) queueBytes() int {
	if m.policy == Latest {
		return 900
	}
	return 200
}

func modelLimits(n int) HistoryLimits {
	return []HistoryLimits{
		{Events: 1000, Bytes: 1 << 20, Age: time.Hour},
		{Events: 10, Bytes: 1 << 20, Age: time.Hour},
		{Events: 1000, Bytes: 400, Age: 5 * time.Second},
		{},
	}[n]
}

func (m *model) step() {
	if m.distant != nil {
		m.arrive(m.distant.random.IntN(3))
	}
	l := m.listeners[m.byte(len(m.listeners))]
	switch m.byte(12) {
	case 0:
		m.subscribe(l)
	case 2:
		l.shard.Unsubscribe(&l.Stream)
		l.subscribed = false
	case 1, 3, 4, 5, 6:
		m.publish()
	case 7:
		if m.byte(2) == 0 {
			l.shard.Deliver(1+m.byte(8), anyBytes)
		} else {
			m.deliver()
		}
	case 8:
		if !l.blocked {
			l.pop(m.byte(200))
			m.verify(l)
		}
	case 9:
		l.blocked = m.byte(4) != 0
		l.wasBlocked = true
	case 10:
		m.now = m.now.Add(time.Duration(m.byte(3)) * time.Second)
		if m.byte(8) == 0 {
			m.limits = modelLimits(m.byte(4))
			m.hub.SetLimits(m.now, m.limits, m.queueBytes(), m.policy)
		}
		m.hub.Trim(m.now)
		m.trim(m.now)
	case 11:
		if m.byte(8) == 0 {
			m.settle()
		}
		l.Push(sse.Comment())
	}
}

// head is the number of the newest message.
func (m *model) head() uint64 {
	if len(m.log) == 0 {
		return 0
	}
	return m.log[len(m.log)-1].seq
}

func (m *model) subscribe(l *listener) {
	m.verify(l) // what a Flush has popped belongs to the old subscription
	l.sub = Subscription{ClientID: modelIDs[m.byte(len(modelIDs))]}
	if rooms := m.byte(17); rooms == 16 {
		l.sub.All = true
	} else {
		for i, room := range modelRooms {
			if rooms>>i&1 == 1 {
				l.sub.Rooms = append(l.sub.Rooms, room)
			}
		}
	}
	begin := sse.ID{Epoch: "e", Seq: m.head()} // everything that comes is behind it
	want := Start{ID: begin}
	gap := false
	switch m.byte(6) {
	case 0, 1:
	case 2:
		l.sub.LastEventID = fmt.Sprintf("e-%d", l.pos)
	case 3:
		l.sub.LastEventID = fmt.Sprintf("e-%d", m.byte(256))
	case 4:
		l.sub.LastEventID = "f-1"
	case 5:
		l.sub.LastEventID = "e-01"
	}
	m.trim(m.now)
	if l.sub.LastEventID != "" {
		id, ok := sse.ParseID(l.sub.LastEventID)
		want.ID, begin = id, id
		if gap = !ok || id.Epoch != "e" || id.Seq < m.floor || id.Seq > m.head(); gap {
			begin = sse.ID{Epoch: "e", Seq: m.floor}
		}
		if !ok || id.Epoch != "e" || id.Seq > m.head() {
			want.ID = sse.ID{Epoch: noEpoch}
		}
	}

	l.oldRest = len(l.arrived) > 0
	got := l.shard.Subscribe(m.now, &l.Stream, l.sub)
	if got.ID != want.ID || (got.Gap != nil) != gap {
		m.t.Errorf("Subscribe(%+v) at head %d, floor %d = %v, gap %v; want %v, gap %v", l.sub, m.head(), m.floor, got.ID, got.Gap != nil, want.ID, gap)
	}
	l.startGap = ""
	if gap {
		l.startGap = string(sse.Gap(l.sub.LastEventID, begin).Bytes())
	}
	l.subscribed, l.overflown, l.overflows, l.wasBlocked = true, false, 0, l.blocked
	l.began, l.pos = m.head(), begin.Seq
}

func (m *model) publish() {
	msg := message(modelTargets[m.byte(len(modelTargets))], "")
	msg.Except = modelIDs[m.byte(len(modelIDs))]
	msg.Event.Data = fmt.Sprintf("m%d%s", m.published+1, strings.Repeat(".", m.byte(4)*10))
	if m.byte(16) == 0 && m.policy != Latest {
		msg.Event.Data += strings.Repeat("!", 500)
	}
	m.published++
	if m.distant != nil {
		m.distant.append(m.t, msg, m.now)
		return
	}
	before := m.hub.LastID()
	receipt, err := m.try(msg)
	if errors.Is(err, eventlog.ErrBusy) {
		select {
		case <-m.hub.Space():
			m.t.Error("there is space although Append was refused")
		default:
		}
		if m.hub.LastID() != before {
			m.t.Error("a refused message changed the hub")
		}
		m.published--
		return
	}
	if err != nil {
		m.t.Fatalf("publish: %v", err)
	}
	m.applied(&sent{seq: m.head() + 1, msg: msg, at: m.now, receipt: receipt})
}

// applied is called when the hub has a message.
func (m *model) applied(s *sent) {
	s.frame = fmt.Sprintf("id: e-%d\ndata: %s\n\n", s.seq, s.msg.Event.Data)
	if got := s.receipt.ID().Seq; got != s.seq {
		m.t.Errorf("the receipt of message %d is of %d", s.seq, got)
	}
	for _, l := range m.listeners {
		if l.subscribed && s.isFor(l) {
			s.possible++
		}
	}
	m.log = append(m.log, s)
	m.trim(s.at)
}

// distantLog is a log that is elsewhere: it takes every message at once, leaves gaps in the
// numbers, and the hub gets to know of a message later, in the order of the numbers.
type distantLog struct {
	follower eventlog.Follower
	random   *rand.Rand
	last     uint64
	waiting  []*sent
	records  []eventlog.Record
}

func (l *distantLog) append(t testing.TB, msg eventlog.Message, now time.Time) {
	d, err := eventlog.NewDraft(msg)
	if err != nil {
		t.Fatal(err)
	}
	l.last += 1 + uint64(l.random.IntN(4)*l.random.IntN(3))
	id := sse.ID{Epoch: "e", Seq: l.last}
	s := &sent{seq: l.last, msg: msg, at: now, receipt: eventlog.NewReceipt(id)}
	l.waiting = append(l.waiting, s)
	l.records = append(l.records, d.Record(d.Encode(), id, now, s.receipt))
}

// arrive lets the hub know of up to n messages of the distant log. It reports whether that was all
// of them.
func (m *model) arrive(n int) bool {
	l := m.distant
	for ; n > 0 && len(l.waiting) > 0; n-- {
		if !l.follower.Apply(l.records[0]) {
			break
		}
		m.applied(l.waiting[0])
		l.waiting, l.records = l.waiting[1:], l.records[1:]
	}
	return len(l.waiting) == 0
}

func TestModel(t *testing.T) {
	for seed := range uint64(160) {
		isDistant := seed%2 == 1
		t.Run(fmt.Sprintf("seed %d, a distant log %t", seed/2, isDistant), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed/2, 1))
			ops := make([]byte, 2000)
			for i := range ops {
				ops[i] = byte(random.Uint32())
			}
			runModel(t, ops, isDistant)
		})
	}
}

// FuzzHub lets the fuzzer choose the operations of the model.
func FuzzHub(f *testing.F) {
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 2))
		ops := make([]byte, 400)
		for i := range ops {
			ops[i] = byte(random.Uint32())
		}
		f.Add(ops)
	}
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) > 4000 {
			return // longer runs find nothing else and are slow
		}
		runModel(t, ops, false)
		runModel(t, ops, true)
	})
}
