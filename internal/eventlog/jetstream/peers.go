package jetstream

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Each node announces itself once a second, over plain NATS and not in the log. A question goes to all
// nodes; those that are known and do not answer are missing.

const (
	// helloInterval is how often a node tells the others that it is there.
	helloInterval = time.Second
	// goneAfter is when a node counts as gone that was not heard of.
	goneAfter = 3 * time.Second
	// maxPeers bounds the nodes that are known.
	maxPeers = 1000
	// answersAtOnce bounds the questions that are answered at a time; others get no answer.
	answersAtOnce = 8
)

// Hello is what a node tells the others of itself.
type Hello struct {
	Node     string `json:"node"`
	Boot     string `json:"boot"`
	Version  string `json:"version"`
	Streams  int    `json:"streams"`
	Position string `json:"position"`
	Ready    bool   `json:"ready"`
	Draining bool   `json:"draining"`
	// LagSeconds is how old the newest record was when the node read it. Nodes of older releases do
	// not tell it.
	LagSeconds float64 `json:"lag_seconds"`
	Full       bool    `json:"full,omitempty"` // a broker has told it that there is no room for the log
}

// maxText bounds what a node tells of itself, in bytes: each of its texts.
const maxText = 128

// isValid reports whether the message can be one of a node: anybody with the same rights at the
// brokers could have sent it.
func (h *Hello) isValid() bool {
	return h.Boot != "" && h.Node != "" && h.Streams >= 0 && h.LagSeconds >= 0 &&
		max(len(h.Boot), len(h.Node), len(h.Version), len(h.Position)) <= maxText
}

// Peer is a node that was heard of lately.
type Peer struct {
	Hello
	Seen time.Time
	Own  bool // it is this node
}

// Answer is what one node has answered.
type Answer struct {
	Node string          `json:"node"`
	Boot string          `json:"boot"`
	Data json.RawMessage `json:"data"`
}

// question is what one node asks all others.
type question struct {
	From string          `json:"from"` // the boot of the node that asks
	Data json.RawMessage `json:"data"`
}

// peers are the nodes of the cluster.
type peers struct {
	mu sync.Mutex
	// Guarded by mu.
	known map[string]Peer // by boot
	last  time.Time       // when a node was last heard of, this one included: it hears itself by way of the broker
}

// heard notes a node.
func (p *peers) heard(h Hello, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = now
	if p.known == nil {
		p.known = make(map[string]Peer)
	}
	if _, is := p.known[h.Boot]; !is && len(p.known) >= maxPeers { // nobody may have listed them for long
		maps.DeleteFunc(p.known, func(_ string, one Peer) bool { return now.Sub(one.Seen) > goneAfter })
	}
	if _, is := p.known[h.Boot]; is || len(p.known) < maxPeers {
		p.known[h.Boot] = Peer{Hello: h, Seen: now}
	}
}

// list returns those that were heard of lately, by name.
func (p *peers) list(now time.Time) []Peer {
	return slices.DeleteFunc(p.expected(), func(one Peer) bool { return now.Sub(one.Seen) > goneAfter })
}

// expected returns the nodes that should answer a question, by name: those that are known, and those that
// were when this node last heard anything, since it hears nothing of others while it has no broker.
func (p *peers) expected() []Peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Peer
	for boot, one := range p.known {
		if p.last.Sub(one.Seen) > goneAfter {
			delete(p.known, boot)
			continue
		}
		out = append(out, one)
	}
	sortPeers(out)
	return out
}

// sortPeers sorts nodes by name.
func sortPeers(all []Peer) {
	slices.SortFunc(all, func(a, b Peer) int {
		if a.Node != b.Node {
			return strings.Compare(a.Node, b.Node)
		}
		return strings.Compare(a.Boot, b.Boot)
	})
}

// anyFull reports whether one that was heard of lately knows of a broker without room.
func (p *peers) anyFull(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.known {
		if one.Full && now.Sub(one.Seen) <= goneAfter {
			return true
		}
	}
	return false
}

// Peers returns the nodes of the cluster, by name, this one among them.
func (l *Log) Peers() []Peer {
	own, now := l.hello(), l.o.Now()
	all := slices.DeleteFunc(l.peers.list(now), func(one Peer) bool { return one.Boot == own.Boot })
	all = append(all, Peer{Hello: own, Seen: now, Own: true})
	sortPeers(all)
	return all
}

func (l *Log) hello() Hello {
	var h Hello
	if l.o.Hello != nil {
		h = l.o.Hello()
	}
	h.Node, h.Boot = l.o.Node, l.o.Boot
	l.mu.Lock()
	h.Ready, h.LagSeconds, h.Full = l.status.Ready, l.status.LagTime.Seconds(), !l.fullSince.IsZero()
	if l.position.Epoch != "" { // it has followed the log
		h.Position = l.position.String()
	}
	l.mu.Unlock()
	return h
}

// Silent are nodes that did not answer, their names by boot.
type Silent map[string]string

// Ask asks all other nodes, and waits for their answers until ctx ends. It does not wait for those
// that are in silent, and adds those that do not answer: without a broker, all that were known last.
func (l *Log) Ask(ctx context.Context, data json.RawMessage, silent Silent) (answers []Answer) {
	waiting := make(Silent)
	for _, p := range l.peers.expected() {
		if _, is := silent[p.Boot]; !is && p.Boot != l.o.Boot {
			waiting[p.Boot] = p.Node
		}
	}
	defer func() { maps.Copy(silent, waiting) }()
	l.mu.Lock()
	s := l.session
	l.mu.Unlock()
	if s == nil || len(waiting) == 0 {
		return nil
	}
	inbox := nats.NewInbox()
	in := make(chan *nats.Msg, maxPeers)
	sub, err := s.nc.ChanSubscribe(inbox, in)
	if err != nil {
		return nil
	}
	defer func() { _ = sub.Unsubscribe() }()
	text, err := json.Marshal(question{From: l.o.Boot, Data: data})
	if err != nil || s.nc.PublishRequest(l.names.ctl+"ask", inbox, text) != nil {
		return nil
	}
	for len(waiting) > 0 {
		select {
		case msg := <-in:
			var a Answer
			if json.Unmarshal(msg.Data, &a) != nil {
				continue
			}
			if _, is := waiting[a.Boot]; is {
				delete(waiting, a.Boot)
				answers = append(answers, a)
			}
		case <-s.ctx.Done():
			return answers
		case <-ctx.Done():
			return answers
		}
	}
	return answers
}

// meet makes the node known to the others, and answers their questions, until the session ends.
func (s *session) meet() error {
	l := s.l
	_, err := s.nc.Subscribe(l.names.ctl+"hello", func(msg *nats.Msg) {
		var h Hello
		if json.Unmarshal(msg.Data, &h) == nil && h.isValid() {
			l.peers.heard(h, l.o.Now())
		}
	})
	if err != nil {
		return err
	}
	slots := make(chan struct{}, answersAtOnce)
	_, err = s.nc.Subscribe(l.names.ctl+"ask", func(msg *nats.Msg) {
		var q question
		if json.Unmarshal(msg.Data, &q) != nil || q.From == l.o.Boot || msg.Reply == "" || l.o.Answer == nil {
			return
		}
		select {
		case slots <- struct{}{}:
		default:
			return
		}
		go func() {
			defer func() { <-slots }()
			ctx, cancel := s.ask()
			defer cancel()
			text, err := json.Marshal(Answer{Node: l.o.Node, Boot: l.o.Boot, Data: l.o.Answer(ctx, q.Data)})
			if err == nil {
				_ = s.nc.Publish(msg.Reply, text)
			}
		}()
	})
	if err != nil {
		return err
	}
	go func() {
		tick := time.NewTicker(helloInterval)
		defer tick.Stop()
		for {
			if text, err := json.Marshal(l.hello()); err == nil {
				_ = s.nc.Publish(l.names.ctl+"hello", text)
			}
			select {
			case <-tick.C:
			case <-s.ctx.Done():
				return
			}
		}
	}()
	return nil
}
