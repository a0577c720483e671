package jetstream

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Each node announces itself once a second, over plain NATS and not in the log. A question goes to
// all nodes; those that are known and do not answer are missing.

const (
	// goneAfter is when a node counts as gone that was not heard of.
	goneAfter = 3 * time.Second
	// maxPeers bounds the nodes that are known.
	maxPeers = 1000
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

// isValid reports whether the message can be one of a node: any client with the same rights at the
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

// expected returns the nodes that should answer a question, by name: those that were alive when this
// node last heard anything. Without a broker it hears nothing, and expects all that it knew last.
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
