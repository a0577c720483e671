package hub

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/sse"
)

// The model test drives a hub with random operations and compares what arrives with an oracle that knows
// all messages and all subscriptions, and nothing of rooms, inboxes, queues and cursors.

var (
	modelRooms   = []string{"a", "ab", "abc", "b"}
	modelTargets = []string{"a", "ab", "abc", "b", "a*", "ab*", "c*", "*", "a,b", "ab,a*", "abc,abc*,c", "b,ab*,a"}
	modelIDs     = []string{"", "", "x", "y"}
)

// sent is a message as the oracle knows it.
type sent struct {
	msg      Message
	at       time.Time
	frame    string // with its blank line
	receipt  *Receipt
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
	*world
	ops       []byte
	policy    Policy
	limits    HistoryLimits
	listeners []*listener
	log       []*sent // the message of number n is log[n-1]
	floor     uint64
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

func runModel(t testing.TB, ops []byte) {
	m := &model{ops: ops}
	m.policy = Policy(m.byte(3))
	m.limits = modelLimits(m.byte(4))
	m.world = newWorld(t, 2, Options{
		History: m.limits, Slow: m.policy, QueueBytes: m.queueBytes(), InboxEvents: 6, InboxBytes: 400, MessageBytes: 1000,
	})
	for i := range 6 {
		l := &listener{client: client{w: m.world, shard: m.shards[i%2]}}
		l.Owner = &l.client
		m.listeners = append(m.listeners, l)
	}
	for len(m.ops) > 0 && !t.Failed() {
		m.step()
		m.check()
	}
	m.settle()
}

// queueBytes is little, but under Latest enough for one event of each target, so that none of them may
// be lost.
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
			l.shard.Deliver(1 + m.byte(8))
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
			m.hub.SetLimits(m.now, m.limits, m.queueBytes(), m.policy, 1000)
		}
		m.hub.Trim(m.now)
		m.trim()
	case 11:
		if m.byte(8) == 0 {
			m.settle()
		}
		l.Push(sse.Comment())
	}
}

func (m *model) head() uint64 { return uint64(len(m.log)) }

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
	want := Start{ID: sse.ID{Epoch: "e", Seq: m.head()}}
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
	m.trim()
	if l.sub.LastEventID != "" {
		id, ok := sse.ParseID(l.sub.LastEventID)
		if gap = !ok || id.Epoch != "e" || id.Seq < m.floor || id.Seq > m.head(); gap {
			id.Epoch, id.Seq = "e", m.floor
		}
		want.ID = id
	}

	l.oldRest = len(l.arrived) > 0
	got := l.shard.Subscribe(m.now, &l.Stream, l.sub)
	if got.ID != want.ID || (got.Gap != nil) != gap {
		m.t.Errorf("Subscribe(%+v) at head %d, floor %d = %v, gap %v; want %v, gap %v", l.sub, m.head(), m.floor, got.ID, got.Gap != nil, want.ID, gap)
	}
	l.startGap = ""
	if gap {
		l.startGap = string(sse.Gap(l.sub.LastEventID, want.ID).Bytes())
	}
	l.subscribed, l.overflown, l.overflows, l.wasBlocked = true, false, 0, l.blocked
	l.began, l.pos = m.head(), want.ID.Seq
}

func (m *model) publish() {
	msg := message(modelTargets[m.byte(len(modelTargets))], "")
	msg.Except = modelIDs[m.byte(len(modelIDs))]
	msg.Event.Data = fmt.Sprintf("m%d%s", m.head()+1, strings.Repeat(".", m.byte(4)*10))
	if m.byte(16) == 0 && m.policy != Latest {
		msg.Event.Data += strings.Repeat("!", 500)
	}
	before := m.hub.LastID()
	receipt, err := m.hub.Publish(m.now, msg)
	if errors.Is(err, ErrBusy) {
		select {
		case <-m.hub.Space():
			m.t.Error("there is space although Publish was refused")
		default:
		}
		if m.hub.LastID() != before {
			m.t.Error("a refused message changed the hub")
		}
		return
	}
	if err != nil {
		m.t.Fatalf("Publish: %v", err)
	}
	s := &sent{msg: msg, at: m.now, receipt: receipt}
	s.frame = fmt.Sprintf("id: e-%d\ndata: %s\n\n", m.head()+1, msg.Event.Data)
	for _, l := range m.listeners {
		if l.subscribed && s.isFor(l) {
			s.possible++
		}
	}
	m.log = append(m.log, s)
	m.trim()
}

// isFor is the whole of matching, the slow way.
func (s *sent) isFor(l *listener) bool {
	return (s.msg.Except == "" || s.msg.Except != l.sub.ClientID) && slices.ContainsFunc(s.msg.To, l.hears)
}

func (l *listener) hears(t Target) bool {
	return t.Kind == ToAll || l.sub.All || slices.ContainsFunc(l.sub.Rooms, func(room string) bool {
		return room == t.Name || (t.Kind == ToPrefix && strings.HasPrefix(room, t.Name))
	})
}

// trim moves the floor as the limits of the history demand.
func (m *model) trim() {
	for m.floor < m.head() {
		bytes := 0
		for _, s := range m.log[m.floor:] {
			bytes += len(s.frame)
			if !slices.Contains(s.msg.To, Target{Kind: ToAll}) {
				for _, t := range s.msg.To {
					bytes += len(t.Name)
				}
			}
		}
		if m.limits != (HistoryLimits{}) && m.head()-m.floor <= uint64(m.limits.Events) &&
			int64(bytes) <= m.limits.Bytes && m.now.Sub(m.log[m.floor].at) <= m.limits.Age {
			return
		}
		m.floor++
	}
}

// verify reads what has arrived for l.
func (m *model) verify(l *listener) {
	if l.overflows > 1 {
		m.t.Error("Overflow was called twice")
	}
	l.overflown = l.overflown || l.overflows > 0
	for _, f := range l.frames() {
		f += "\n\n"
		switch {
		case l.oldRest:
			l.oldRest = false
		case f == ":\n\n":
		case l.startGap != "":
			if f != l.startGap {
				m.t.Errorf("first frame is %q, want %q", f, l.startGap)
			}
			l.startGap = ""
		case strings.Contains(f, "event: hasses.gap"):
			m.verifyGap(l, f)
		default:
			m.verifyEvent(l, f)
		}
	}
}

func (m *model) verifyEvent(l *listener, frame string) {
	var seq uint64
	if n, _ := fmt.Sscanf(frame, "id: e-%d\n", &seq); n != 1 || seq == 0 || seq > m.head() || m.log[seq-1].frame != frame {
		m.t.Errorf("arrived: %q, which nobody sent", frame)
		return
	}
	if seq <= l.pos || !m.log[seq-1].isFor(l) {
		m.t.Errorf("message %d arrived after %d, or is not for %+v", seq, l.pos, l.sub)
	}
	for missed := l.pos + 1; missed < seq; missed++ {
		if s := m.log[missed-1]; s.isFor(l) && !m.superseded(l, missed) {
			m.t.Errorf("message %d to %v arrived before %d to %v", seq, m.log[seq-1].msg.To, missed, s.msg.To)
		}
	}
	l.pos = seq
}

// superseded reports whether the policy Latest may have dropped a message.
func (m *model) superseded(l *listener, seq uint64) bool {
	if m.policy != Latest || !l.wasBlocked {
		return false
	}
	for _, t := range m.log[seq-1].msg.To {
		if l.hears(t) && !slices.ContainsFunc(m.log[seq:], func(s *sent) bool { return s.isFor(l) && slices.Contains(s.msg.To, t) }) {
			return false
		}
	}
	return true
}

func (m *model) verifyGap(l *listener, frame string) {
	var to uint64
	if n, _ := fmt.Sscanf(frame, "id: e-%d\n", &to); n != 1 || to > m.head() || to <= l.pos {
		m.t.Errorf("gap %q after %d", frame, l.pos)
		return
	}
	from := sse.ID{Epoch: "e", Seq: l.pos}
	if want := string(sse.Gap(from.String(), sse.ID{Epoch: "e", Seq: to}).Bytes()); frame != want {
		m.t.Errorf("gap %q, want %q", frame, want)
	}
	lost := 0
	for seq := l.pos + 1; seq <= to; seq++ {
		if !m.log[seq-1].isFor(l) {
			continue
		}
		lost++
		if seq > m.floor && !(m.policy == DropOldest && l.wasBlocked) {
			m.t.Errorf("message %d is lost without a reason, history begins after %d", seq, m.floor)
		}
	}
	if lost == 0 {
		m.t.Errorf("gap from %d to %d, but nothing was lost", l.pos, to)
	}
	l.pos = to
}

// settle lets everything arrive, after which nobody may miss anything.
func (m *model) settle() {
	m.deliver()
	for _, l := range m.listeners {
		l.blocked = false
		for !l.Empty() {
			l.pop(1 << 10)
		}
		m.verify(l)
		if len(l.arrived) > 0 || l.startGap != "" {
			m.t.Errorf("the end of the stream is missing: %q, %q", l.arrived, l.startGap)
		}
		for seq := l.pos + 1; l.subscribed && !l.overflown && seq <= m.head(); seq++ {
			if m.log[seq-1].isFor(l) {
				m.t.Errorf("message %d to %v never arrived at %+v (now at %d)", seq, m.log[seq-1].msg.To, l.sub, l.pos)
			}
		}
		l.wasBlocked = false
	}
	m.verifyReceipts()
	select {
	case <-m.hub.Space():
	default:
		m.t.Error("all inboxes are empty, but Space is not closed")
	}
	m.check()
}

func (m *model) verifyReceipts() {
	for i, s := range m.log {
		select {
		case <-s.receipt.Done():
		default:
			m.t.Errorf("message %d is not done", i+1)
			continue
		}
		least := 0
		for _, l := range m.listeners {
			if l.subscribed && !l.overflown && l.began <= uint64(i) && s.isFor(l) {
				least++
			}
		}
		if got := s.receipt.Matched(); got < least || got > s.possible {
			m.t.Errorf("message %d matched %d streams, want %d to %d", i+1, got, least, s.possible)
		}
	}
}

func TestModel(t *testing.T) {
	for seed := range uint64(80) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			ops := make([]byte, 2000)
			for i := range ops {
				ops[i] = byte(random.Uint32())
			}
			runModel(t, ops)
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
		runModel(t, ops)
	})
}
