package admission

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// queueTest is a queue under test; its waiters have names.
type queueTest struct {
	t   testing.TB
	q   *HandshakeQueue[string]
	now time.Duration
}

func (g *queueTest) arrive(name string, n Network) *Waiter[string] {
	t := &Waiter[string]{Owner: name}
	g.q.Arrive(g.now, t, n, false)
	return t
}

func (g *queueTest) wantNext(want ...string) {
	g.t.Helper()
	for _, name := range want {
		got := "nobody"
		if t := g.q.Next(g.now); t != nil {
			got = t.Owner
		}
		if got != name {
			g.t.Fatalf("next is %s, want %s", got, name)
		}
	}
}

func (g *queueTest) wantEviction(want string) {
	g.t.Helper()
	got := "nobody"
	if t, _ := g.q.NextEviction(g.now); t != nil {
		got = t.Owner
	}
	if got != want {
		g.t.Fatalf("%s is evicted, want %s", got, want)
	}
}

func network(i int) Network { return NetworkOf(client(i)) }

func TestNetworksHaveTheirTurns(t *testing.T) {
	g := &queueTest{t: t, q: NewHandshakeQueue[string](1, 1)}
	running := g.arrive("a0", network(0))
	for i := range 3 {
		g.arrive(fmt.Sprint("b", i), network(1))
	}
	g.arrive("c0", network(2))
	g.arrive("c1", network(2))
	g.wantNext("nobody")
	// The newest network first, then in turn; within one network by age.
	for _, want := range []string{"c0", "b0", "c1", "b1", "b2", "nobody"} {
		g.q.Leave(running)
		running = g.q.Next(g.now)
		got := "nobody"
		if running != nil {
			got = running.Owner
		}
		if got != want {
			t.Fatalf("next is %s, want %s", got, want)
		}
	}
	if g.q.Running() != 0 || g.q.Waiting() != 0 || len(g.q.flows) != 0 {
		t.Errorf("%d running, %d waiting, %d flows", g.q.Running(), g.q.Waiting(), len(g.q.flows))
	}
}

func TestANetworkHasNoMoreThanItsShare(t *testing.T) {
	g := &queueTest{t: t, q: NewHandshakeQueue[string](10, 2)}
	first := g.arrive("a0", network(0))
	g.arrive("a1", network(0))
	g.arrive("a2", network(0))
	g.arrive("b0", network(1))
	g.wantNext("nobody")
	if n, most := g.q.Most(); most != 2 || n != network(0) || g.q.Running() != 3 || g.q.Waiting() != 1 {
		t.Errorf("%s has %d of %d, %d wait", n, most, g.q.Running(), g.q.Waiting())
	}
	g.q.Leave(first)
	g.wantNext("a2", "nobody")

	free := &Waiter[string]{Owner: "free"}
	for range 3 {
		if !g.q.Arrive(0, &Waiter[string]{}, network(3), true) {
			t.Error("a network without a bound was bounded")
		}
	}
	g.q.Arrive(0, free, network(3), true)
	g.q.Leave(free)
}

func TestAnotherNetworkTakesThePlaceOfTheGreediest(t *testing.T) {
	g := &queueTest{t: t, q: NewHandshakeQueue[string](4, 4)}
	g.arrive("b0", network(1))
	for i := range 3 {
		g.arrive(fmt.Sprint("a", i), network(0))
	}
	g.arrive("c0", network(2))
	g.wantEviction("nobody")
	if _, due := g.q.NextEviction(g.now); due != evictFairly {
		t.Errorf("an eviction is due at %s, want %s", due, evictFairly)
	}
	g.now = evictFairly
	evicted, _ := g.q.NextEviction(g.now)
	if evicted == nil || evicted.Owner != "a0" {
		t.Fatalf("%v is evicted, want a0, the oldest of the greediest", evicted)
	}
	g.wantEviction("nobody") // one place for one who waits
	g.wantNext("nobody")     // not before it has ended
	g.q.Leave(evicted)
	g.wantNext("c0", "nobody")
}

func TestEqualsWaitLongerForEachOther(t *testing.T) {
	g := &queueTest{t: t, q: NewHandshakeQueue[string](2, 2)}
	g.arrive("a0", network(0))
	g.arrive("b0", network(1))
	g.arrive("c0", network(2))
	g.now = evictAfter - 1
	g.wantEviction("nobody")
	g.now = evictAfter
	g.wantEviction("a0")
	g.wantEviction("nobody")
}

func TestANetworkAtItsShareTakesItsOwnPlaces(t *testing.T) {
	g := &queueTest{t: t, q: NewHandshakeQueue[string](100, 2)}
	g.arrive("a0", network(0))
	g.arrive("a1", network(0))
	g.arrive("a2", network(0))
	g.now = evictAfter - 1
	if _, due := g.q.NextEviction(g.now); due != evictAfter {
		t.Errorf("due at %s", due)
	}
	g.now = evictAfter
	g.wantEviction("a0")
	g.wantEviction("nobody")
}

func TestFewerAndMorePlaces(t *testing.T) {
	g := &queueTest{t: t, q: NewHandshakeQueue[string](2, 2)}
	a0 := g.arrive("a0", network(0))
	g.arrive("a1", network(0))
	g.arrive("a2", network(0))
	g.arrive("b0", network(1))
	g.q.SetSlots(1, 1)
	g.q.Leave(a0)
	g.wantNext("nobody")
	g.q.SetSlots(3, 3)
	g.wantNext("b0", "a2", "nobody")
}

// TestHandshakeQueueAtRandom drives a queue at random and compares its counters with a plain count.
func TestHandshakeQueueAtRandom(t *testing.T) {
	for seed := range uint64(50) {
		drive(t, rand.New(rand.NewPCG(seed, 1)), 2000)
	}
}

func drive(t testing.TB, random *rand.Rand, steps int) {
	g := &queueTest{t: t, q: NewHandshakeQueue[string](1+random.IntN(8), 1+random.IntN(4))}
	var waiters []*Waiter[string]
	for range steps {
		switch random.IntN(8) {
		case 0, 1, 2:
			n := network(random.IntN(5))
			waiter := &Waiter[string]{}
			g.q.Arrive(g.now, waiter, n, n == network(4))
			waiters = append(waiters, waiter)
		case 3, 4:
			if len(waiters) > 0 {
				i := random.IntN(len(waiters))
				g.q.Leave(waiters[i])
				waiters[i] = waiters[len(waiters)-1]
				waiters = waiters[:len(waiters)-1]
			}
		case 5:
			g.now += time.Duration(random.IntN(500)) * time.Millisecond
		case 6:
			if random.IntN(20) == 0 {
				g.q.SetSlots(1+random.IntN(8), 1+random.IntN(4))
			}
		}
		for g.q.Next(g.now) != nil {
		}
		for {
			if evicted, _ := g.q.NextEviction(g.now); evicted == nil {
				break
			} else if g.now-evicted.since < evictFairly {
				t.Fatalf("a handshake of %s had to end", g.now-evicted.since)
			}
		}
		check(t, g.q, waiters)
	}
	for _, waiter := range waiters {
		g.q.Leave(waiter)
	}
	if len(g.q.flows) != 0 || g.q.held != 0 || g.q.waiting != 0 || g.q.activeWaiting != 0 || g.q.evicted != 0 || g.q.top != 0 {
		t.Fatalf("left behind: %+v", g.q)
	}
}

func check(t testing.TB, q *HandshakeQueue[string], waiters []*Waiter[string]) {
	t.Helper()
	var held, waiting, ending, wanting, top int
	running := map[Network]int{}
	has := map[Network]int{}
	for _, waiter := range waiters {
		p := waiter.flow
		switch waiter.state {
		case waiterOutside:
			t.Fatal("a waiter left without a call of Leave")
		case waiterQueued:
			waiting++
			if p.list == &q.active {
				wanting++
			}
		case waiterRunning:
			held++
			has[p.network]++
			running[p.network]++
			top = max(top, running[p.network])
		case waiterEvicted:
			held++
			has[p.network]++
			ending++
		}
	}
	if q.held != held || q.waiting != waiting || q.evicted != ending || q.activeWaiting != wanting || q.top != top {
		t.Fatalf("held %d, want %d; waiting %d, want %d; ending %d, want %d; wanting %d, want %d; top %d, want %d",
			q.held, held, q.waiting, waiting, q.evicted, ending, q.activeWaiting, wanting, q.top, top)
	}
	for n, p := range q.flows {
		if p.slots != has[n] || p.rank != running[n] || p.running.Len() != running[n] {
			t.Fatalf("%s holds %d, rank %d; want %d and %d", n, p.slots, p.rank, has[n], running[n])
		}
		if p.waiting.Len() > 0 && p.list == &q.active && q.held < q.slots {
			t.Fatalf("%s waits though there is a place", n)
		}
		if (p.list == nil) != (p.waiting.Len() == 0) {
			t.Fatalf("%s is in the wrong list", n)
		}
	}
}
