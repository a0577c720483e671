package admission

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// gate is a turnstile under test; its tickets have names.
type gate struct {
	t   testing.TB
	q   *Turnstile[string]
	now time.Duration
}

func (g *gate) arrive(name string, n Network) *Ticket[string] {
	t := &Ticket[string]{Owner: name}
	g.q.Arrive(g.now, t, n, false)
	return t
}

func (g *gate) wantNext(want ...string) {
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

func (g *gate) wantVictim(want string) {
	g.t.Helper()
	got := "nobody"
	if t, _ := g.q.Victim(g.now); t != nil {
		got = t.Owner
	}
	if got != want {
		g.t.Fatalf("the victim is %s, want %s", got, want)
	}
}

func network(i int) Network { return NetworkOf(stranger(i)) }

func TestNetworksHaveTheirTurns(t *testing.T) {
	g := &gate{t: t, q: NewTurnstile[string](1, 1)}
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
	if g.q.Running() != 0 || g.q.Waiting() != 0 || len(g.q.parties) != 0 {
		t.Errorf("%d running, %d waiting, %d parties", g.q.Running(), g.q.Waiting(), len(g.q.parties))
	}
}

func TestANetworkHasNoMoreThanItsShare(t *testing.T) {
	g := &gate{t: t, q: NewTurnstile[string](10, 2)}
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

	free := &Ticket[string]{Owner: "free"}
	for range 3 {
		if !g.q.Arrive(0, &Ticket[string]{}, network(3), true) {
			t.Error("a network without a bound was bounded")
		}
	}
	g.q.Arrive(0, free, network(3), true)
	g.q.Leave(free)
}

func TestAnotherNetworkTakesThePlaceOfTheGreediest(t *testing.T) {
	g := &gate{t: t, q: NewTurnstile[string](4, 4)}
	g.arrive("b0", network(1))
	for i := range 3 {
		g.arrive(fmt.Sprint("a", i), network(0))
	}
	g.arrive("c0", network(2))
	g.wantVictim("nobody")
	if _, due := g.q.Victim(g.now); due != evictFairly {
		t.Errorf("a victim is due at %s, want %s", due, evictFairly)
	}
	g.now = evictFairly
	victim, _ := g.q.Victim(g.now)
	if victim == nil || victim.Owner != "a0" {
		t.Fatalf("the victim is %v, want a0, the oldest of the greediest", victim)
	}
	g.wantVictim("nobody") // one place for one who waits
	g.wantNext("nobody")   // not before it has ended
	g.q.Leave(victim)
	g.wantNext("c0", "nobody")
}

func TestEqualsWaitLongerForEachOther(t *testing.T) {
	g := &gate{t: t, q: NewTurnstile[string](2, 2)}
	g.arrive("a0", network(0))
	g.arrive("b0", network(1))
	g.arrive("c0", network(2))
	g.now = evictAfter - 1
	g.wantVictim("nobody")
	g.now = evictAfter
	g.wantVictim("a0")
	g.wantVictim("nobody")
}

func TestANetworkAtItsShareTakesItsOwnPlaces(t *testing.T) {
	g := &gate{t: t, q: NewTurnstile[string](100, 2)}
	g.arrive("a0", network(0))
	g.arrive("a1", network(0))
	g.arrive("a2", network(0))
	g.now = evictAfter - 1
	if _, due := g.q.Victim(g.now); due != evictAfter {
		t.Errorf("due at %s", due)
	}
	g.now = evictAfter
	g.wantVictim("a0")
	g.wantVictim("nobody")
}

func TestFewerAndMorePlaces(t *testing.T) {
	g := &gate{t: t, q: NewTurnstile[string](2, 2)}
	a0 := g.arrive("a0", network(0))
	g.arrive("a1", network(0))
	g.arrive("a2", network(0))
	g.arrive("b0", network(1))
	g.q.SetPlaces(1, 1)
	g.q.Leave(a0)
	g.wantNext("nobody")
	g.q.SetPlaces(3, 3)
	g.wantNext("b0", "a2", "nobody")
}

// TestTurnstileAtRandom drives a turnstile by chance and compares its books with a plain count.
func TestTurnstileAtRandom(t *testing.T) {
	for seed := range uint64(50) {
		drive(t, rand.New(rand.NewPCG(seed, 1)), 2000)
	}
}

func drive(t testing.TB, random *rand.Rand, steps int) {
	g := &gate{t: t, q: NewTurnstile[string](1+random.IntN(8), 1+random.IntN(4))}
	var tickets []*Ticket[string]
	for range steps {
		switch random.IntN(8) {
		case 0, 1, 2:
			n := network(random.IntN(5))
			ticket := &Ticket[string]{}
			g.q.Arrive(g.now, ticket, n, n == network(4))
			tickets = append(tickets, ticket)
		case 3, 4:
			if len(tickets) > 0 {
				i := random.IntN(len(tickets))
				g.q.Leave(tickets[i])
				tickets[i] = tickets[len(tickets)-1]
				tickets = tickets[:len(tickets)-1]
			}
		case 5:
			g.now += time.Duration(random.IntN(500)) * time.Millisecond
		case 6:
			if random.IntN(20) == 0 {
				g.q.SetPlaces(1+random.IntN(8), 1+random.IntN(4))
			}
		}
		for g.q.Next(g.now) != nil {
		}
		for {
			if victim, _ := g.q.Victim(g.now); victim == nil {
				break
			} else if g.now-victim.since < evictFairly {
				t.Fatalf("a handshake of %s had to end", g.now-victim.since)
			}
		}
		check(t, g.q, tickets)
	}
	for _, ticket := range tickets {
		g.q.Leave(ticket)
	}
	if len(g.q.parties) != 0 || g.q.held != 0 || g.q.queued != 0 || g.q.wanting != 0 || g.q.ending != 0 || g.q.top != 0 {
		t.Fatalf("left behind: %+v", g.q)
	}
}

func check(t testing.TB, q *Turnstile[string], tickets []*Ticket[string]) {
	t.Helper()
	var held, waiting, ending, wanting, top int
	running := map[Network]int{}
	has := map[Network]int{}
	for _, ticket := range tickets {
		p := ticket.party
		switch ticket.state {
		case ticketOutside:
			t.Fatal("a ticket is outside and was not told")
		case ticketWaiting:
			waiting++
			if p.list == &q.ring {
				wanting++
			}
		case ticketRunning:
			held++
			has[p.network]++
			running[p.network]++
			top = max(top, running[p.network])
		case ticketEnding:
			held++
			has[p.network]++
			ending++
		}
	}
	if q.held != held || q.queued != waiting || q.ending != ending || q.wanting != wanting || q.top != top {
		t.Fatalf("held %d, want %d; waiting %d, want %d; ending %d, want %d; wanting %d, want %d; top %d, want %d",
			q.held, held, q.queued, waiting, q.ending, ending, q.wanting, wanting, q.top, top)
	}
	for n, p := range q.parties {
		if p.held != has[n] || p.rank != running[n] || p.running.Len() != running[n] {
			t.Fatalf("%s holds %d, rank %d; want %d and %d", n, p.held, p.rank, has[n], running[n])
		}
		if p.waiting.Len() > 0 && p.list == &q.ring && q.held < q.places {
			t.Fatalf("%s waits though there is a place", n)
		}
		if (p.list == nil) != (p.waiting.Len() == 0) {
			t.Fatalf("%s is in the wrong list", n)
		}
	}
}
