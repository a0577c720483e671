package edge

import (
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/edge/http1"
	"github.com/hassesd/hassesd/internal/edge/scheduler"
	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/reactor/reactortest"
	"github.com/hassesd/hassesd/internal/sse"
)

func TestOneTurnWritesNoMoreThanItsShare(t *testing.T) {
	w := newTestServer(t, nil)
	var clients []*client
	for range 20 {
		clients = append(clients, w.subscribe("subscribe=a"))
	}
	for range 50 {
		w.enqueue("a", strings.Repeat("x", 60<<10))
	}
	for range 3 {
		reactortest.Turn(t, 1, w.loops...)
		sent := 0
		for _, c := range clients {
			sent += len(c.Received())
		}
		if most := (scheduler.Budget + recordsPerVisit) * http1.RecordMax; sent > most {
			t.Errorf("%d bytes in one turn, want at most %d", sent, most)
		}
	}
}

func TestSmallRoomOvertakesALargeOne(t *testing.T) {
	w := newTestServer(t, nil)
	for range 2 * scheduler.Budget * recordsPerVisit {
		w.subscribe("subscribe=large")
	}
	c := w.subscribe("subscribe=small")
	w.enqueue("large", "to many")
	w.enqueue("small", "to one")
	reactortest.Turn(t, 2, w.loops...)
	c.wantEvent(2, "to one")
}

func TestLittleOvertakesMuch(t *testing.T) {
	w := newTestServer(t, nil)
	const many = 2 * scheduler.Budget
	for range many {
		w.subscribe("subscribe=large")
	}
	var good []*client
	for range fewMatches + 1 {
		good = append(good, w.subscribe("subscribe=little"))
	}
	for range 6 { // more than the heavy lane sends meanwhile, and less than backlogBytes
		w.enqueue("large", strings.Repeat("x", 16<<10))
	}
	w.enqueue("little", "to many")
	reactortest.Turn(t, 3, w.loops...)
	for _, c := range good {
		c.wantEvent(7, "to many")
	}
	inBulk, inHeavy := w.srv.workers[0].queues.Len(scheduler.Normal), w.srv.workers[0].queues.Len(scheduler.Low)
	if inBulk != 0 || inHeavy < many/2 {
		t.Errorf("%d are in the bulk lane and %d in the heavy one: nothing was overtaken", inBulk, inHeavy)
	}
	w.check()
}

// closesPerTurn is how many connections a turn closes whose streams are in one room and one other list.
const (
	oneClose      = closeCost + 2*roomCost
	closesPerTurn = (closeBudget + oneClose - 1) / oneClose
)

func TestOneTurnClosesNoMoreThanItsShare(t *testing.T) {
	w := newTestServer(t, nil)
	var clients []*client
	for range 3*closesPerTurn - 1 {
		clients = append(clients, w.subscribe("subscribe=a"))
	}
	for _, c := range clients {
		c.Reset()
	}
	for left := range 3 {
		reactortest.Turn(t, 1, w.loops...)
		if got, want := w.srv.Connections(), max(0, (2-left)*closesPerTurn-1); got != want {
			t.Errorf("%d connections are left, want %d", got, want)
		}
	}
	w.check()
}

// Connections that wait for their end begin nothing: here their deadline has passed, and then they speak.
func TestNobodyBeginsAHandshakeWhoIsToBeClosed(t *testing.T) {
	server, _ := testTLS(t)
	w := newTestServer(t, func(s *setup) { s.tls = server })
	var clients []*client
	for range 3 * closesPerTurn {
		clients = append(clients, w.connect())
	}
	w.turn()
	w.kernel.Advance(11 * time.Second) // over HandshakeTimeout
	reactortest.Turn(t, 1, w.loops...)
	if n := w.srv.Connections(); n == 0 {
		t.Fatal("all were closed in one turn: nothing is tested")
	}
	for _, c := range clients {
		c.Send([]byte{22, 3, 1})
	}
	w.turn()
	for _, c := range clients {
		c.wantGone()
	}
	if w.srv.Handshaking() {
		t.Error("a handshake of a closed connection goes on")
	}
	w.check()
}

// What waits for the loop alone is bounded, however fast publishers are, when every client takes
// what it gets.
func TestPublishersWhoAreFasterThanTheLoopFillNoQueue(t *testing.T) {
	var kernel *drainPoller
	w := newTestServer(t, func(s *setup) {
		s.poller = func(p *reactortest.Poller) reactor.Poller {
			kernel = &drainPoller{Poller: p}
			return kernel
		}
	})
	for range 200 {
		w.subscribe("subscribe=a")
	}
	kernel.open = true
	defer func() { kernel.open = false }()
	target, err := names.ParseTarget("a")
	if err != nil {
		t.Fatal(err)
	}
	m := eventlog.Message{To: []names.Target{target}, Event: sse.Event{Data: strings.Repeat("x", 9<<10)}} // one fits a record, two do not
	most := 0
	for range 100 {
		for range 64 {
			if _, err := w.append(m); err != nil {
				break // as many as the daemon takes
			}
		}
		reactortest.Turn(t, 1, w.loops...)
		for _, c := range w.srv.workers[0].conns {
			most = max(most, c.sub.QueueBytes())
		}
	}
	if kernel.writes < 100*scheduler.Budget/2 {
		t.Errorf("%d records were written: nobody was too fast", kernel.writes)
	}
	if most > 256<<10 {
		t.Errorf("up to %d bytes waited for a stream, which is over the default of limits.queue_bytes", most)
	}
	w.turnUntilQuiet()
}

func TestOneClientDoesNotHoldTheLoop(t *testing.T) {
	const size = 8 << 20
	w := newTestServer(t, nil)
	c := w.subscribe("subscribe=a")
	c.SetWindow(2 * size)
	w.enqueue("a", strings.Repeat("x", size))
	reactortest.Turn(t, 1, w.loops...)
	if sent, most := len(c.Received()), (2*scheduler.Budget+recordsPerVisit)*http1.RecordMax; sent == 0 || sent > most {
		t.Errorf("%d bytes in one turn, want at most %d", sent, most)
	}
}

// A replay that passes over much of the history goes on by itself, and others come in between.
func TestAReplayOfLittleOutOfMuchTakesTurns(t *testing.T) {
	const n = 100_000
	w := newTestServer(t, func(s *setup) {
		s.hub.History = hub.HistoryLimits{Events: 2 * n, Bytes: 1 << 30, Age: time.Hour}
		s.hub.InboxEvents = 2 * n
	})
	publish := func(except, data string) {
		m := eventlog.Message{To: []names.Target{{Name: "a"}}, Except: except, Event: sse.Event{Data: data}}
		if _, err := w.append(m); err != nil {
			t.Fatal(err)
		}
	}
	publish("", "first")
	for range n {
		publish("me", "not for me")
	}
	publish("", "last")
	w.turnUntilQuiet()
	c := w.connect()
	c.Send([]byte("GET /sse?subscribe=a&id=me HTTP/1.1\r\nHost: h\r\nLast-Event-ID: e-0\r\n\r\n"))
	turns := 0
	for ; !strings.Contains(c.received(), "last"); turns++ {
		if turns > n {
			t.Fatal("the replay does not end")
		}
		reactortest.Turn(t, 1, w.loops...)
	}
	if least := n / replayPerRecord / scheduler.Budget; turns <= least {
		t.Errorf("%d events were passed over in %d turns", n, turns)
	}
	publish("", "live")
	w.turnUntilQuiet()
	c.want(`HTTP/1.1 200 OK\r\n(.+\r\n)*\r\n[0-9a-f]+\r\nretry: \d+\nid: e-0\n\n\r\n`)
	if got := c.events(); len(got) != 3 || got[2] != "live" {
		t.Errorf("got %q", got)
	}
	w.check()
}
