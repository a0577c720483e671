package edge

import (
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/reactor/reactortest"
)

func TestOneTurnWritesNoMoreThanItsShare(t *testing.T) {
	w := newWorld(t, nil)
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
		if most := (flushBudget + recordsPerVisit) * recordMax; sent > most {
			t.Errorf("%d bytes in one turn, want at most %d", sent, most)
		}
	}
}

func TestSmallRoomOvertakesALargeOne(t *testing.T) {
	w := newWorld(t, nil)
	for range 2 * flushBudget * recordsPerVisit {
		w.subscribe("subscribe=large")
	}
	c := w.subscribe("subscribe=small")
	w.enqueue("large", "to many")
	w.enqueue("small", "to one")
	reactortest.Turn(t, 2, w.loops...)
	c.wantEvent(2, "to one")
}

func TestLittleOvertakesMuch(t *testing.T) {
	w := newWorld(t, nil)
	const many = 2 * flushBudget
	for range many {
		w.subscribe("subscribe=large")
	}
	var good []*client
	for range expressMatches + 1 {
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
	inBulk, inHeavy := w.srv.workers[0].lanes.bulk.Len(), w.srv.workers[0].lanes.heavy.Len()
	if inBulk != 0 || inHeavy < many/2 {
		t.Errorf("%d are in the bulk lane and %d in the heavy one: nothing was overtaken", inBulk, inHeavy)
	}
	w.check()
}

func TestOneTurnClosesNoMoreThanItsShare(t *testing.T) {
	w := newWorld(t, nil)
	var clients []*client
	for range 3*buryBudget - 1 {
		clients = append(clients, w.subscribe("subscribe=a"))
	}
	for _, c := range clients {
		c.Reset()
	}
	for left := range 3 {
		reactortest.Turn(t, 1, w.loops...)
		if got, want := w.srv.Connections(), max(0, (2-left)*buryBudget-1); got != want {
			t.Errorf("%d connections are left, want %d", got, want)
		}
	}
	w.check()
}
