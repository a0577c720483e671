package admission

import (
	"net/netip"
	"sync"
	"time"
)

// Verdict is what becomes of a connection.
type Verdict uint8

// The verdicts. Those that let a connection in count it as held, until [Table.Release].
const (
	LetIn             Verdict = iota
	LetInForChallenge         // over the rate: only for the handshake of a certification authority, see Visit.Challenged
	LetInToTurnAway           // over the bound on connections, but by so little that it can be told properly
	RefuseConnections         // far over the bound on connections
	RefuseRate                // over the rate of handshakes
	RefusePenalty             // it has to stay away for a while
)

// Holds says whether the connection is counted as held.
func (v Verdict) Holds() bool { return v <= LetInToTurnAway }

// Visit is a connection that asks to be let in.
type Visit struct {
	Addr      netip.Addr
	Handshake bool // it will want a TLS handshake
	// Challenged: a certification authority is expected to look for the answer to a challenge (RFC 8737). It comes from
	// addresses that nobody can know before.
	Challenged bool
}

// Table knows the networks that hold connections, and remembers those that had handshakes or did wrong of late. Several
// loops accept at the same time; one mutex serves them all: a decision takes some 200 ns with two loops at it
// (BenchmarkAdmit), an accept 10 µs and a handshake 150 µs.
type Table struct {
	statsTurn sync.Mutex // held by the one call of Stats that runs; taken before mu
	yielded   func()     // for tests: called when Stats has given mu up for a moment; nil: nobody is told

	mu sync.Mutex
	// guarded by mu
	limits     Limits
	held       map[Network]int // connections; bounded by the connections there are
	memory     memory
	challenges time.Duration // the bucket of challenged handshakes over the rate is full again at this time
	imposed    uint64
	dryRun     uint64
	offences   [numOffences]uint64
}

// New makes a table. Times given to its methods count from any one moment and never go back by more than loops differ.
func New(l Limits) *Table { return newTable(l, maxRecords) }

func newTable(l Limits, records int) *Table {
	return &Table{limits: l, held: make(map[Network]int), memory: newMemory(records)}
}

// SetLimits puts other bounds in force. What is counted and remembered stays; without penalties, what was owed counts
// for nothing.
func (t *Table) SetLimits(l Limits) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.limits = l
}

// Admit decides about a connection, and counts it as held if it is let in.
func (t *Table) Admit(now time.Duration, v Visit) Verdict {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := &t.limits
	lifted := l.lifted(v.Addr)
	n := NetworkOf(v.Addr)
	if lifted&BoundPenalties == 0 && l.Penalties != PenaltiesOff && t.isPenalized(now, n) {
		if l.Penalties == PenaltiesOn {
			return RefusePenalty
		}
		t.dryRun++
	}
	verdict := LetIn
	if lifted&BoundConnections == 0 && l.Connections > 0 {
		if verdict = t.roomFor(n); !verdict.Holds() {
			return verdict
		}
	}
	if v.Handshake && lifted&BoundRate == 0 && l.Rate > 0 && !t.mayShake(now, n) {
		if !v.Challenged || verdict != LetIn || !t.mayChallenge(now) {
			return RefuseRate
		}
		verdict = LetInForChallenge
	}
	t.held[n]++
	if site, ok := n.site(); ok {
		t.held[site]++
	}
	return verdict
}

// Release undoes what Admit counted.
func (t *Table) Release(a netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := NetworkOf(a)
	t.release(n)
	if site, ok := n.site(); ok {
		t.release(site)
	}
}

func (t *Table) release(n Network) {
	switch held := t.held[n]; {
	case held > 1:
		t.held[n] = held - 1
	case held == 1:
		delete(t.held, n)
	default:
		panic("admission: internal error: a connection was released that was not held")
	}
}

// roomFor says whether a network may hold one more connection. A few above the bound are let in to be told so: an eighth
// of the bound, at least four.
func (t *Table) roomFor(n Network) Verdict {
	verdict := roomWithin(t.held[n], t.limits.Connections)
	if site, ok := n.site(); ok {
		verdict = max(verdict, roomWithin(t.held[site], siteFactor*t.limits.Connections))
	}
	return verdict
}

func roomWithin(held, bound int) Verdict {
	switch {
	case held < bound:
		return LetIn
	case held < bound+max(4, bound/8):
		return LetInToTurnAway
	}
	return RefuseConnections
}

// mayShake takes a handshake from the buckets of a network, if there is one in each.
func (t *Table) mayShake(now time.Duration, n Network) bool {
	each := time.Second / time.Duration(t.limits.Rate)
	burst := each * time.Duration(max(t.limits.Burst, 1))
	site, isSited := n.site()
	if !t.hasToken(now, n, burst) || isSited && !t.hasToken(now, site, burst) {
		return false
	}
	t.takeToken(now, n, each)
	if isSited {
		t.takeToken(now, site, each/siteFactor)
	}
	return true
}

// hasToken: a bucket is the time at which it will be full again (the generic cell rate algorithm), which may lie at most
// a burst ahead. One that is not remembered is full.
func (t *Table) hasToken(now time.Duration, n Network, burst time.Duration) bool {
	r := t.memory.find(n)
	return r == nil || r.handshake < now+burst
}

func (t *Table) takeToken(now time.Duration, n Network, each time.Duration) {
	r := t.memory.find(n)
	if r == nil {
		if r = t.memory.add(now, n, now+each); r == nil {
			return // the table is full of worse: this network goes uncounted
		}
	}
	r.handshake = max(r.handshake, now) + each
}

const (
	challengeEach  = time.Second / 2 // all networks together
	challengeBurst = 20
)

// mayChallenge lets some handshakes over the rate in: an authority validates from several networks at once, and must
// not be refused because somebody uses up its rate.
func (t *Table) mayChallenge(now time.Duration) bool {
	if t.challenges >= now+challengeBurst*challengeEach {
		return false
	}
	t.challenges = max(t.challenges, now) + challengeEach
	return true
}

func (t *Table) isPenalized(now time.Duration, n Network) bool {
	if r := t.memory.find(n); r != nil && r.penalized && r.owed > now {
		return true
	}
	site, ok := n.site()
	if !ok {
		return false
	}
	r := t.memory.find(site)
	return r != nil && r.penalized && r.owed > now
}

// Offend counts an offence, and says whether it brought the address's network a penalty. A /48 owes a quarter of what
// its /64s owe.
func (t *Table) Offend(now time.Duration, a netip.Addr, o Offence) (penalized bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.offences[o]++
	if t.limits.Penalties == PenaltiesOff || t.limits.lifted(a)&BoundPenalties != 0 {
		return false
	}
	n := NetworkOf(a)
	penalized = t.charge(now, n, o, offenceCost[o])
	if site, ok := n.site(); ok {
		penalized = t.charge(now, site, o, offenceCost[o]/siteFactor) || penalized
	}
	return penalized
}

func (t *Table) charge(now time.Duration, n Network, o Offence, cost time.Duration) (penalized bool) {
	r := t.memory.find(n)
	if r == nil {
		if r = t.memory.add(now, n, now+cost); r == nil {
			return false
		}
	}
	if r.owed <= now { // all that was is over
		r.owed, r.penalized = now, false
	}
	r.owed = min(r.owed+cost, now+penaltyMost)
	if r.penalized || r.owed-now < penaltyFrom {
		return false
	}
	r.penalized, r.why = true, o
	t.imposed++
	return true
}

// Commend takes back a part of what the address's network owes: its handshake was a good one.
func (t *Table) Commend(now time.Duration, a netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := NetworkOf(a)
	t.forgive(now, n, goodHandshake)
	if site, ok := n.site(); ok {
		t.forgive(now, site, goodHandshake/siteFactor)
	}
}

// Redeem does the same for somebody who has shown who it is, and gives its handshake back to the rate of the network: that
// is for strangers.
func (t *Table) Redeem(now time.Duration, a netip.Addr) {
	t.Commend(now, a)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.limits.Rate <= 0 {
		return
	}
	each := time.Second / time.Duration(t.limits.Rate)
	n := NetworkOf(a)
	t.giveToken(n, each)
	if site, ok := n.site(); ok {
		t.giveToken(site, each/siteFactor)
	}
}

func (t *Table) giveToken(n Network, each time.Duration) {
	if r := t.memory.find(n); r != nil {
		r.handshake -= each
	}
}

func (t *Table) forgive(now time.Duration, n Network, d time.Duration) {
	if r := t.memory.find(n); r != nil && !r.penalized && r.owed > now {
		r.owed = max(now, r.owed-d)
	}
}
