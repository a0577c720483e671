package edge

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/edge/scheduler"
	"github.com/hassesd/hassesd/internal/reactor/reactortest"
)

// mostEnds is how many streams of so many rooms one turn may end.
func mostEnds(rooms int) int { return walkBudget/(endCost+roomCost*rooms) + 1 }

// manyRooms makes streams with eight rooms of their own each.
func (w *testServer) manyRooms(n int) (clients []*client) {
	w.t.Helper()
	for i := range n {
		var rooms []string
		for r := range 8 {
			rooms = append(rooms, fmt.Sprintf("own%d.%d", i, r))
		}
		clients = append(clients, w.subscribe("subscribe="+strings.Join(rooms, "-")+"&id=me"))
	}
	return clients
}

// turnsOf makes single turns until over reports true. In none of them more streams may end than one
// turn's share of walks.
func (w *testServer) turnsOf(over func() bool) (turns int) {
	w.t.Helper()
	return w.turnsOfMost(mostEnds(8), over)
}

// turnsOfMost makes single turns until over reports true. In none of them more streams may end than
// most.
func (w *testServer) turnsOfMost(most int, over func() bool) (turns int) {
	w.t.Helper()
	worker := w.srv.workers[0]
	deadline := time.Now().Add(time.Minute) // over may wait for a goroutine, on a machine that is busy
	for ; !over(); turns++ {
		if turns > 1000 && time.Now().After(deadline) {
			w.t.Fatal("there is no end")
		}
		runtime.Gosched()
		before := worker.subs.Streaming()
		reactortest.Turn(w.t, 1, w.loops...)
		if ended := before - worker.subs.Streaming(); ended > most {
			w.t.Fatalf("one turn ended %d streams, more than %d", ended, most)
		}
	}
	return turns
}

// begin calls something that asks the loops, and returns a function that reports whether it has its
// answer.
func (w *testServer) begin(ask func(ctx context.Context) error) (over func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	w.t.Cleanup(cancel)
	answer := make(chan error, 1)
	go func() { answer <- ask(ctx) }()
	return func() bool {
		select {
		case err := <-answer:
			if err != nil {
				w.t.Fatal(err)
			}
			return true
		default:
			return false
		}
	}
}

// Threat T30: whatever ends many streams at one time, one turn of a loop ends a bounded number, and
// so does the next one.
func TestT30StreamsEndAFewATurn(t *testing.T) {
	const n = 300
	kick := func(sel Selection) func(w *testServer) {
		return func(w *testServer) {
			kicked := 0
			over := w.begin(func(ctx context.Context) (err error) {
				kicked, err = w.srv.Kick(ctx, sel, time.Minute)
				return err
			})
			w.turnsOf(over)
			if kicked != n {
				w.t.Errorf("%d streams were kicked, want %d", kicked, n)
			}
		}
	}
	tests := []struct {
		name   string
		change func(*setup)
		end    func(w *testServer)
	}{
		{"kick of everybody", nil, kick(Selection{All: true})},
		{"kick of an id", nil, kick(Selection{ID: "me"})},
		{"drain at once", nil, func(w *testServer) {
			streams := 0
			over := w.begin(func(ctx context.Context) (err error) {
				streams, _, err = w.srv.Drain(ctx, DrainPlan{})
				return err
			})
			w.turnsOf(over)
			if streams != n {
				w.t.Errorf("%d streams are to be drained, want %d", streams, n)
			}
			w.kernel.Advance(drainTick)
		}},
		{"drain that is cut short", nil, func(w *testServer) {
			w.drain(time.Hour)
			over := w.begin(func(ctx context.Context) error {
				_, _, err := w.srv.Drain(ctx, DrainPlan{})
				return err
			})
			w.turnsOf(over)
			w.kernel.Advance(drainTick)
		}},
		{"away from a log out of reach", nil, func(w *testServer) {
			for sent := 0; sent < n; {
				most := 0
				w.turnsOf(w.begin(func(ctx context.Context) (err error) {
					most, err = w.srv.SendAway(ctx, n)
					return err
				}))
				sent += most
			}
		}},
		{"old age", func(s *setup) { s.edge.StreamAge = time.Hour }, func(w *testServer) { w.kernel.Advance(2 * time.Hour) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newTestServer(t, tt.change)
			clients := w.manyRooms(n)
			w.check()
			tt.end(w)
			w.turnsOf(func() bool { return w.srv.workers[0].subs.Streaming() == 0 })
			w.turnUntilQuiet()
			for i, c := range clients {
				if !c.Ended() || !strings.HasSuffix(c.received(), "\n\n\r\n0\r\n\r\n") {
					t.Fatalf("stream %d was not told: %q", i, c.received())
				}
				c.Close()
			}
			w.turnUntilQuiet()
			w.check()
		})
	}
}

// A kick goes on while others leave: each is counted once, and those who stay are all ended.
func TestAKickWhileOthersLeave(t *testing.T) {
	const n, leave = 400, 150
	w := newTestServer(t, nil)
	clients := w.manyRooms(n)
	kicked := 0
	over := w.begin(func(ctx context.Context) (err error) {
		kicked, err = w.srv.Kick(ctx, Selection{All: true}, 0)
		return err
	})
	for w.srv.workers[0].subs.Streaming() == n {
		reactortest.Turn(t, 1, w.loops...)
	}
	before := w.srv.workers[0].subs.Streaming()
	for _, c := range clients[:leave] {
		c.Reset()
	}
	for !over() {
		reactortest.Turn(t, 1, w.loops...)
	}
	if left := w.srv.workers[0].subs.Streaming(); left != 0 {
		t.Errorf("%d streams are left", left)
	}
	w.turnUntilQuiet()
	closed := w.stats().Closed
	for _, c := range clients {
		c.Close()
	}
	w.turnUntilQuiet()
	if kicked > n || kicked < before-leave {
		t.Errorf("%d of %d were kicked, while %d left", kicked, before, leave)
	}
	if closed["kicked"] > uint64(kicked) {
		t.Errorf("%d streams count as kicked, the answer says %d", closed["kicked"], kicked)
	}
	w.check()
}

// Threat T30: a reload gives all streams new deadlines, a bounded number a turn, and those that are
// due leave a bounded number of records a turn.
func TestT30AReloadGoesThroughTheStreamsInTurns(t *testing.T) {
	const n = 5000
	w := newTestServer(t, func(s *setup) { s.edge.HeartbeatInterval = time.Hour })
	var clients []*client
	for range n {
		clients = append(clients, w.subscribe("subscribe=a"))
	}
	worker := w.srv.workers[0]
	w.kernel.Advance(10 * time.Minute)
	cfg := w.srv.config().Config
	cfg.HeartbeatInterval = time.Minute
	w.srv.Reconfigure(w.kernel.Now(), cfg)
	reactortest.Turn(t, 1, w.loops...)
	if worker.following == nil || worker.following.next < n/2 {
		t.Fatal("one turn has gone through most of the streams")
	}
	w.srv.Reconfigure(w.kernel.Now(), cfg) // begins again, beside nothing
	reactortest.Turn(t, 1, w.loops...)
	if len(worker.walks.going) != 1 {
		t.Errorf("two reloads have %d walks", len(worker.walks.going))
	}
	turns := 2
	for ; worker.following != nil; turns++ {
		reactortest.Turn(t, 1, w.loops...)
	}
	if least := n * timerCost / walkBudget; turns < least {
		t.Errorf("%d streams were gone through in %d turns, want at least %d", n, turns, least)
	}
	w.kernel.Advance(100 * time.Millisecond)
	for told := 0; told < n; {
		reactortest.Turn(t, 1, w.loops...)
		now := 0
		for _, c := range clients {
			if strings.HasSuffix(c.received(), ":\n\n\r\n") {
				now++
			}
		}
		if now-told > scheduler.Budget {
			t.Fatalf("one turn has sent %d heartbeats, more than %d", now-told, scheduler.Budget)
		}
		told = now
	}
	for _, c := range clients {
		c.Close()
	}
	w.turnUntilQuiet()
}

func TestAKickEndsWithItsContext(t *testing.T) {
	w := newTestServer(t, nil)
	clients := w.manyRooms(200)
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error, 1)
	go func() {
		_, err := w.srv.Kick(ctx, Selection{All: true}, 0)
		answer <- err
	}()
	worker := w.srv.workers[0]
	for worker.subs.Streaming() == len(clients) {
		reactortest.Turn(t, 1, w.loops...)
	}
	cancel()
	if err := <-answer; err == nil {
		t.Error("the kick was answered")
	}
	w.turn()
	if worker.subs.Streaming() == 0 || len(worker.walks.going) != 0 {
		t.Errorf("%d streams and %d walks are left: nobody waits for the answer any more", worker.subs.Streaming(), len(worker.walks.going))
	}
	w.check()
	for _, c := range clients {
		c.Close()
	}
	w.turnUntilQuiet()
}
