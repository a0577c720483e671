package edge

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/hassesd/hassesd/internal/reactor/reactortest"
)

// manyStreams opens streams with eight rooms of their own each on one connection.
func (w *testServer) manyStreams(n int) *h2client {
	w.t.Helper()
	h, want := w.connectH2(), w.srv.workers[0].subs.Streaming()+n
	for i := range n {
		var rooms []string
		for r := range 8 {
			rooms = append(rooms, fmt.Sprintf("own%d.%d", i, r))
		}
		h.ask("GET", "/sse?subscribe="+strings.Join(rooms, "-")+"&id=me", true)
		if i%100 == 99 {
			h.flush()
		}
	}
	for w.srv.workers[0].subs.Streaming() < want {
		h.pump()
	}
	return h
}

// Threat T30: one connection may carry ten thousand streams. However it ends, one turn of its loop ends a bounded number,
// and they are all counted in the end.
func TestT30TheStreamsOfOneConnectionEndAFewATurn(t *testing.T) {
	const n = 1200
	reset := func(h *h2client) { h.Reset() }
	tests := []struct {
		name   string
		end    func(h *h2client)
		reason CloseReason
	}{
		{"the client is gone", reset, TransportFailed},
		{"it breaks HTTP/2", func(h *h2client) {
			h.must(h.write.WriteRawFrame(xhttp2.FrameGoAway, 0, 1, make([]byte, 8)))
			h.send()
		}, HTTP2Failed},
		{"it breaks HTTP/2 and is gone", func(h *h2client) {
			h.must(h.write.WriteRawFrame(xhttp2.FrameGoAway, 0, 1, make([]byte, 8)))
			h.send()
			reactortest.Turn(h.w.t, 1, h.w.loops...)
			h.Reset()
		}, HTTP2Failed},
		{"drain at once", func(h *h2client) {
			over := h.w.begin(func(ctx context.Context) error {
				_, _, err := h.w.srv.Drain(ctx, DrainPlan{})
				return err
			})
			h.w.turnsOf(over)
			h.w.kernel.Advance(drainTick)
		}, Drained},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := h2TestServer(t, func(s *setup) { s.edge.StreamsPerConnection = n })
			h := w.manyStreams(n)
			good := w.subscribe("subscribe=a")
			w.check()
			worker := w.srv.workers[0]
			tt.end(h)
			const most = (walkBudget + closeBudget) / (endCost + 8*roomCost)
			w.turnsOfMost(most+2, func() bool { return worker.subs.Streaming() <= 1 })
			if tt.reason == Drained {
				h.pump()
				h.Close()
				good.Close()
			} else {
				w.enqueue("a", "still there")
				w.turn()
				good.wantEvent(1, "still there")
			}
			for i := 0; worker.occupancy.conns > 0; i++ {
				if i > 100 {
					t.Fatal("the connection is still there")
				}
				w.advance(100 * time.Millisecond)
			}
			w.turnUntilQuiet()
			if got := w.stats().Closed[tt.reason.String()]; got < n {
				t.Errorf("%d streams count as %v, want %d: %v", got, tt.reason, n, w.stats().Closed)
			}
			w.check()
		})
	}
}

// Threat T30: however many connections fail at one time, the streams of all of them share a turn's walks.
func TestT30TheStreamsOfManyConnectionsEndAFewATurn(t *testing.T) {
	const conns, streams = 200, 10
	w := h2TestServer(t, nil)
	var all []*h2client
	for range conns {
		all = append(all, w.manyStreams(streams))
	}
	for _, h := range all {
		h.must(h.write.WriteRawFrame(xhttp2.FrameGoAway, 0, 1, make([]byte, 8)))
		h.send()
	}
	worker := w.srv.workers[0]
	w.turnsOf(func() bool { return worker.subs.Streaming() == 0 })
	w.turnUntilQuiet()
	if got := w.stats().Closed[HTTP2Failed.String()]; got != conns*streams {
		t.Errorf("%d streams count as %v, want %d", got, HTTP2Failed, conns*streams)
	}
	w.check()
}

// Of a connection with very many streams, one turn lists a bounded number, and each is listed once
// while others come and go.
func TestAListOfManyStreamsOfOneConnectionTakesTurns(t *testing.T) {
	const n = 3*clientsPerTurn + 100
	w := h2TestServer(t, func(s *setup) { s.edge.StreamsPerConnection = 2 * n })
	before, h, after := w.subscribe("subscribe=a"), w.connectH2(), w.subscribe("subscribe=a")
	open := func(n int) {
		for i := range n {
			h.ask("GET", "/sse?subscribe=a", true)
			if i%100 == 99 {
				h.flush()
			}
		}
		h.flush()
	}
	open(n)
	for w.srv.workers[0].subs.Streaming() < n+2 {
		h.pump()
	}
	sel := &clientSelection{page: ClientPage{Limit: 10 * n}}
	at := clientCursor{end: len(w.srv.workers[0].conns)}
	turns := 0
	for more := true; more; turns++ {
		offered := sel.total
		more = w.srv.workers[0].selectClients(&at, sel)
		if got := sel.total - offered; got > clientsPerTurn {
			t.Fatalf("one turn has looked at %d clients", got)
		}
		if turns == 1 { // in the midst of the connection
			h.must(h.write.WriteRSTStream(1, xhttp2.ErrCodeCancel))
			h.must(h.write.WriteRSTStream(h.number, xhttp2.ErrCodeCancel))
			open(10)
			before.Reset()
			w.turn()
		}
	}
	if turns != 4 {
		t.Errorf("%d turns, want 4", turns)
	}
	seen := map[uint32]bool{}
	for _, c := range sel.sorted() {
		if c.Stream > 0 && seen[c.Stream] {
			t.Errorf("stream %d is listed twice", c.Stream)
		}
		seen[c.Stream] = true
	}
	if seen[1] || !seen[3] || !seen[2*n-1] || len(seen) != n {
		t.Errorf("%d rows, with the first stream: %t", len(seen), seen[1])
	}
	if list := w.list(ClientPage{Limit: 1}); list.Total != n+9 {
		t.Errorf("%d clients, want %d", list.Total, n+9)
	}
	after.Close()
	h.Close()
	w.turnUntilQuiet()
}
