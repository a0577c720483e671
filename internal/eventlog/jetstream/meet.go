package jetstream

import (
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// helloInterval is how often a node tells the others that it is there.
	helloInterval = time.Second
	// answersAtOnce bounds the questions that are answered at a time; others get no answer.
	answersAtOnce = 8
)

func (st *state) hello() Hello {
	var h Hello
	if st.o.Hello != nil {
		h = st.o.Hello()
	}
	h.Node, h.Boot = st.o.Node, st.o.Boot
	st.mu.Lock()
	h.Ready, h.LagSeconds, h.Full = st.status.Ready, st.status.LagTime.Seconds(), !st.fullSince.IsZero()
	if st.position.Epoch != "" { // it has followed the log
		h.Position = st.position.String()
	}
	st.mu.Unlock()
	return h
}

// meet makes the node known to the others, and answers their questions, until the session ends.
func (s *session) meet() error {
	st := s.state
	_, err := s.nc.Subscribe(st.names.ctl+"hello", func(msg *nats.Msg) {
		var h Hello
		if json.Unmarshal(msg.Data, &h) == nil && h.isValid() {
			st.peers.heard(h, st.o.Now())
		}
	})
	if err != nil {
		return err
	}
	slots := make(chan struct{}, answersAtOnce)
	_, err = s.nc.Subscribe(st.names.ctl+"ask", func(msg *nats.Msg) {
		var q question
		if json.Unmarshal(msg.Data, &q) != nil || q.From == st.o.Boot || msg.Reply == "" || st.o.Answer == nil {
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
			text, err := json.Marshal(Answer{Node: st.o.Node, Boot: st.o.Boot, Data: st.o.Answer(ctx, q.Data)})
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
			if text, err := json.Marshal(st.hello()); err == nil {
				_ = s.nc.Publish(st.names.ctl+"hello", text)
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
