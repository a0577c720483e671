package jetstream

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/nats-io/nats.go"
)

// Peers returns the nodes of the cluster, by name, this one among them.
func (l *Log) Peers() []Peer {
	own, now := l.hello(), l.o.Now()
	all := slices.DeleteFunc(l.peers.list(now), func(one Peer) bool { return one.Boot == own.Boot })
	all = append(all, Peer{Hello: own, Seen: now, Own: true})
	sortPeers(all)
	return all
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
	c := l.conn
	l.mu.Unlock()
	if c == nil || len(waiting) == 0 {
		return nil
	}
	inbox := nats.NewInbox()
	in := make(chan *nats.Msg, maxPeers)
	sub, err := c.nc.ChanSubscribe(inbox, in)
	if err != nil {
		return nil
	}
	defer func() { _ = sub.Unsubscribe() }()
	text, err := json.Marshal(question{From: l.o.Boot, Data: data})
	if err != nil || c.nc.PublishRequest(l.names.ctl+"ask", inbox, text) != nil {
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
		case <-c.ctx.Done():
			return answers
		case <-ctx.Done():
			return answers
		}
	}
	return answers
}
