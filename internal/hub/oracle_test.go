package hub

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// isFor is the whole of matching, the slow way.
func (s *sent) isFor(l *listener) bool {
	return (s.msg.Except == "" || s.msg.Except != l.sub.ClientID) && slices.ContainsFunc(s.msg.To, l.hears)
}

func (l *listener) hears(t names.Target) bool {
	return t.Kind == names.All || l.sub.All || slices.ContainsFunc(l.sub.Rooms, func(room string) bool {
		return room == t.Name || (t.Kind == names.Prefix && strings.HasPrefix(room, t.Name))
	})
}

// targets are those of a message that count.
func (m *model) targets(s *sent) []names.Target {
	to, err := eventlog.Reduce(s.msg.To)
	if err != nil {
		m.t.Fatal(err)
	}
	return to
}

// trim moves the floor as the limits of the history demand.
func (m *model) trim(now time.Time) {
	for m.gone < len(m.log) {
		bytes := 0
		for _, s := range m.log[m.gone:] {
			bytes += len(s.frame)
			to := m.targets(s)
			bytes += (len(to) - 1) * targetBytes
			for _, t := range to {
				bytes += len(t.Name)
			}
		}
		if m.limits != (HistoryLimits{}) && len(m.log)-m.gone <= m.limits.Events &&
			int64(bytes) <= m.limits.Bytes && now.Sub(m.log[m.gone].at) <= m.limits.Age {
			return
		}
		m.floor = m.log[m.gone].seq
		m.gone++
	}
}

// after is where the messages with a higher number begin in the log.
func (m *model) after(seq uint64) int {
	return sort.Search(len(m.log), func(i int) bool { return m.log[i].seq > seq })
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
	n, _ := fmt.Sscanf(frame, "id: e-%d\n", &seq)
	at := m.after(seq) - 1
	if n != 1 || at < 0 || m.log[at].frame != frame {
		m.t.Errorf("arrived: %q, which nobody sent", frame)
		return
	}
	if seq <= l.pos || !m.log[at].isFor(l) {
		m.t.Errorf("message %d arrived after %d, or is not for %+v", seq, l.pos, l.sub)
	}
	for missed := m.after(l.pos); missed < at; missed++ {
		if s := m.log[missed]; s.isFor(l) && !m.superseded(l, missed) {
			m.t.Errorf("message %d to %v arrived before %d to %v", seq, m.log[at].msg.To, s.seq, s.msg.To)
		}
	}
	l.pos = seq
}

// superseded reports whether the policy Latest may have dropped the message at a place of the log.
func (m *model) superseded(l *listener, at int) bool {
	if m.policy != Latest || !l.wasBlocked {
		return false
	}
	for _, t := range m.targets(m.log[at]) {
		if l.hears(t) && !slices.ContainsFunc(m.log[at+1:], func(s *sent) bool { return s.isFor(l) && slices.Contains(m.targets(s), t) }) {
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
	for _, s := range m.log[m.after(l.pos):m.after(to)] {
		if !s.isFor(l) {
			continue
		}
		lost++
		if s.seq > m.floor && !(m.policy == DropOldest && l.wasBlocked) {
			m.t.Errorf("message %d is lost without a reason, history begins after %d", s.seq, m.floor)
		}
	}
	if lost == 0 {
		m.t.Errorf("gap from %d to %d, but nothing was lost", l.pos, to)
	}
	l.pos = to
}

// settle lets everything arrive, after which nobody may miss anything.
func (m *model) settle() {
	for m.distant != nil && !m.arrive(1000) {
		m.deliver()
	}
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
		for _, s := range m.log[m.after(l.pos):] {
			if l.subscribed && !l.overflown && s.isFor(l) {
				m.t.Errorf("message %d to %v never arrived at %+v (now at %d)", s.seq, s.msg.To, l.sub, l.pos)
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
	for _, s := range m.log {
		select {
		case <-s.receipt.Done():
		default:
			m.t.Errorf("message %d is not done", s.seq)
			continue
		}
		least := 0
		for _, l := range m.listeners {
			if l.subscribed && !l.overflown && l.began < s.seq && s.isFor(l) {
				least++
			}
		}
		if got := s.receipt.Matched(); got < least || got > s.possible {
			m.t.Errorf("message %d matched %d streams, want %d to %d", s.seq, got, least, s.possible)
		}
	}
}
