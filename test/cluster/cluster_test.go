package cluster

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// subscribe opens a stream at a node and reads its first frame.
func (n *node) subscribe(query, lastEventID string) (s *subscriber.Stream, preface string) {
	n.T.Helper()
	s, err := subscriber.Open(n.T.Context(), n.request(query, lastEventID))
	if err != nil {
		n.T.Fatal(err)
	}
	n.T.Cleanup(func() { s.Cut() })
	if preface, err = s.Preface(); err != nil || preface == "" {
		n.T.Fatalf("the stream begins with %q, %v", preface, err)
	}
	return s, preface
}

// A stream of 20 rooms that moves to another node in the middle of a burst gets exactly the rest, a thousand times.
func TestResumeAtAnotherNodeInABurst(t *testing.T) {
	w := newWorld(t, 1)
	const hops, names = 1000, 20
	var query []string
	for i := range names {
		query = append(query, fmt.Sprintf("room=burst%d", i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	published := make(chan error, 1)
	go func() {
		rpc, err := harness.DialRPC("unix", w.nodes[0].Socket)
		for i := 0; err == nil && ctx.Err() == nil; i++ {
			err = rpc.Call("send", map[string]any{"to": fmt.Sprintf("burst%d", i%names), "data": fmt.Sprint(i)}, nil)
			if i%100 == 99 {
				pause(time.Millisecond) // and the next burst
			}
		}
		published <- err
	}()
	next, last := -1, ""
	for hop := range hops {
		n := w.nodes[hop%len(w.nodes)]
		s, err := subscriber.Open(ctx, n.request(strings.Join(query, "&"), last))
		if err != nil {
			t.Fatal(err)
		}
		if preface, err := s.Preface(); err != nil || preface == "" || last != "" && preface != last {
			t.Fatalf("hop %d: resumed at %q, and the stream begins at %q, %v", hop, last, preface, err)
		}
		for range 1 + hop%30 {
			e, err := s.Next()
			if err != nil {
				t.Fatalf("hop %d: %v", hop, err)
			}
			if e.Name == "hasses.gap" || next >= 0 && e.Data != fmt.Sprint(next) {
				t.Fatalf("hop %d: %s %q came, and %d was next", hop, e.Name, e.Data, next)
			}
			if next, err = strconv.Atoi(e.Data); err != nil {
				t.Fatal(err)
			}
			next++
			last = e.ID
		}
		s.Cut()
	}
	t.Logf("%d hops, %d events, each once", hops, next)
	cancel()
	if err := <-published; err != nil {
		t.Error(err)
	}
}

// A key makes a message come once, whichever nodes it is published at.
func TestKeysHoldAtAllNodes(t *testing.T) {
	w := newWorld(t, 1)
	s, _ := w.nodes[2].subscribe("subscribe=a", "")
	var first struct {
		ID        string `json:"id"`
		Duplicate bool   `json:"duplicate"`
	}
	for i, n := range []*node{w.nodes[0], w.nodes[1], w.nodes[0], w.nodes[2]} {
		got := first
		n.Call("send", map[string]any{"to": "a", "data": "once", "key": "k1"}, &got)
		if i == 0 {
			first = got
		}
		if got.ID != first.ID || got.Duplicate != (i > 0) {
			t.Errorf("attempt %d: %+v, at first %+v", i, got, first)
		}
	}
	err := w.nodes[1].Try("send", map[string]any{"to": "a", "data": "another", "key": "k1"}, nil)
	if err == nil || !strings.Contains(err.Error(), "key") {
		t.Errorf("another message with the key: %v", err)
	}
	w.nodes[1].Call("send", map[string]any{"to": "a", "data": "end"}, nil)
	harness.WantMessage(t, s, "once")
	harness.WantMessage(t, s, "end")
}

// A daemon does not start with messages longer than the brokers take.
func TestMessagesTooLongForTheBrokers(t *testing.T) {
	b := startBrokers(t, 1, "max_payload: 64KB")
	d := harness.Prepare(t, "--cluster-nats", "nats://"+b.all[0].address)
	d.Launch()
	if code := d.Wait(harness.Patience); code != 2 || !d.Log.WaitFor("max_payload") {
		t.Errorf("exit code %d", code)
	}
	d = harness.Prepare(t, "--cluster-nats", "nats://"+b.all[0].address, "--limits-message-bytes", "16KiB")
	d.Run()
}
