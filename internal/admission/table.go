package admission

import (
	"net/netip"
	"sync"
	"time"
)

// Verdict is what to do with a connection.
type Verdict uint8

// The verdicts. Those that admit a connection count it as held until [Table.Release].
const (
	Admit             Verdict = iota
	AdmitChallenge            // over the rate, admitted for the handshake of a certification authority only; see Visit.Challenged
	AdmitDefer                // a little over the bound on connections: admitted to be told to come back later
	RefuseConnections         // far over the bound on connections
	RefuseRate                // over the rate of handshakes
	RefusePenalty             // its network is kept out for a while
)

// Holds reports whether the connection counts as held.
func (v Verdict) Holds() bool { return v <= AdmitDefer }

// Visit is a connection that asks to be admitted.
type Visit struct {
	Addr      netip.Addr
	Handshake bool // it needs a TLS handshake
	// Challenged is set while a certification authority is expected to validate a challenge (RFC
	// 8737). It connects from addresses that cannot be known in advance.
	Challenged bool
}

// Table counts the connections of networks, and remembers their recent handshakes and violations.
// Several loops accept at the same time, and one mutex serves them all: a decision takes about 200
// ns with two loops (BenchmarkAdmit), an accept 10 µs and a handshake 150 µs.
type Table struct {
	statsTurn sync.Mutex // held by the running call of Stats; locked before mu
	yielded   func()     // for tests: called when Stats has given up mu for a moment; may be nil

	mu sync.Mutex
	// guarded by mu
	limits          Limits
	tally           tally
	networks        networkTable
	challengeBucket time.Duration // when the bucket of challenged handshakes is full again
	imposed         uint64
	dryRun          uint64
	violations      [numViolations]uint64
}

// New returns a table. The times passed to its methods count from one fixed moment. They go back
// only by as much as loops differ.
func New(l Limits) *Table { return newTable(l, maxRecords) }

func newTable(l Limits, records int) *Table {
	return &Table{limits: l, tally: newTally(), networks: newNetworkTable(records)}
}

// SetLimits replaces the bounds. Counts and records stay. Without penalties, what networks owe has
// no effect.
func (t *Table) SetLimits(l Limits) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.limits = l
}

// Admit decides about a connection, and counts it as held if it is admitted.
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
	verdict := Admit
	if lifted&BoundConnections == 0 && l.Connections > 0 {
		if verdict = t.roomFor(n); !verdict.Holds() {
			return verdict
		}
	}
	if v.Handshake && lifted&BoundRate == 0 && l.Rate > 0 && !t.takeHandshake(now, n) {
		if !v.Challenged || verdict != Admit || !t.takeChallenge(now) {
			return RefuseRate
		}
		verdict = AdmitChallenge
	}
	t.tally.open(n, connections)
	return verdict
}

// Release takes back what Admit counted.
func (t *Table) Release(a netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tally.close(NetworkOf(a), connections)
}

// roomFor returns the verdict for one more connection of a network. A few above the bound, an
// eighth of it and at least four, are admitted to be told to come back later.
func (t *Table) roomFor(n Network) Verdict {
	verdict := roomWithin(t.tally.of(n, connections), t.limits.Connections)
	if site, ok := n.site(); ok {
		verdict = max(verdict, roomWithin(t.tally.of(site, connections), siteFactor*t.limits.Connections))
	}
	return verdict
}

func roomWithin(held, bound int) Verdict {
	switch {
	case held < bound:
		return Admit
	case held < bound+max(4, bound/8):
		return AdmitDefer
	}
	return RefuseConnections
}

// takeHandshake takes a handshake from each bucket of a network, and reports whether all had one.
func (t *Table) takeHandshake(now time.Duration, n Network) bool {
	interval := time.Second / time.Duration(t.limits.Rate)
	burst := interval * time.Duration(max(t.limits.Burst, 1))
	site, isSited := n.site()
	if !t.hasToken(now, n, burst) || isSited && !t.hasToken(now, site, burst) {
		return false
	}
	t.takeToken(now, n, interval)
	if isSited {
		t.takeToken(now, site, interval/siteFactor)
	}
	return true
}

// hasToken reports whether a network's bucket has a handshake left. A bucket is stored as the time
// when it will be full again (the generic cell rate algorithm), at most a burst ahead. A bucket
// without a record is full.
func (t *Table) hasToken(now time.Duration, n Network, burst time.Duration) bool {
	r := t.networks.find(n)
	return r == nil || r.bucketFull < now+burst
}

func (t *Table) takeToken(now time.Duration, n Network, interval time.Duration) {
	r := t.networks.find(n)
	if r == nil {
		if r = t.networks.add(now, n, now+interval); r == nil {
			return // the table is full of worse networks: this one goes uncounted
		}
	}
	r.bucketFull = max(r.bucketFull, now) + interval
}

const (
	challengeEach  = time.Second / 2 // for all networks together
	challengeBurst = 20
)

// takeChallenge takes one of the handshakes allowed over the rate, and reports whether one was
// left. An authority validates from several networks at once, and must not be refused because
// somebody uses up the rate of its network.
func (t *Table) takeChallenge(now time.Duration) bool {
	if t.challengeBucket >= now+challengeBurst*challengeEach {
		return false
	}
	t.challengeBucket = max(t.challengeBucket, now) + challengeEach
	return true
}

// IsRefused reports whether the address's network is kept out because of a penalty. It is for
// clients that a proxy names on a connection of its own.
func (t *Table) IsRefused(now time.Duration, a netip.Addr) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := &t.limits
	if l.lifted(a)&BoundPenalties != 0 || l.Penalties == PenaltiesOff || !t.isPenalized(now, NetworkOf(a)) {
		return false
	}
	if l.Penalties == PenaltiesDryRun {
		t.dryRun++
		return false
	}
	return true
}

func (t *Table) isPenalized(now time.Duration, n Network) bool {
	if r := t.networks.find(n); r != nil && r.penalized && r.owed > now {
		return true
	}
	site, ok := n.site()
	if !ok {
		return false
	}
	r := t.networks.find(site)
	return r != nil && r.penalized && r.owed > now
}

// RecordViolation counts a violation, and reports whether it led to a penalty for the address's
// network. A /48 owes a quarter of what its /64s owe.
func (t *Table) RecordViolation(now time.Duration, a netip.Addr, o Violation) (penalized bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.violations[o]++
	if t.limits.Penalties == PenaltiesOff || t.limits.lifted(a)&BoundPenalties != 0 {
		return false
	}
	n := NetworkOf(a)
	penalized = t.charge(now, n, o, violationCost[o])
	if site, ok := n.site(); ok {
		penalized = t.charge(now, site, o, violationCost[o]/siteFactor) || penalized
	}
	return penalized
}

// IsExempt reports whether some or all of the limits do not apply to an address.
func (t *Table) IsExempt(a netip.Addr) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.limits.lifted(a) != 0
}

func (t *Table) charge(now time.Duration, n Network, o Violation, cost time.Duration) (penalized bool) {
	r := t.networks.find(n)
	if r == nil {
		if r = t.networks.add(now, n, now+cost); r == nil {
			return false
		}
	}
	if r.owed <= now { // what it owed has been worked off
		r.owed, r.penalized = now, false
	}
	r.owed = min(r.owed+cost, now+penaltyMax)
	if r.penalized || r.owed-now < penaltyThreshold {
		return false
	}
	r.penalized, r.why = true, o
	t.imposed++
	return true
}

// RecordSuccess takes a second off what the address's network owes, for a successful handshake.
func (t *Table) RecordSuccess(now time.Duration, a netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := NetworkOf(a)
	t.credit(now, n, successCredit)
	if site, ok := n.site(); ok {
		t.credit(now, site, successCredit/siteFactor)
	}
}

// RecordIdentified is RecordSuccess for a client that has authenticated. It also gives the
// handshake back to the network's rate, which is there for unknown clients.
func (t *Table) RecordIdentified(now time.Duration, a netip.Addr) {
	t.RecordSuccess(now, a)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.limits.Rate <= 0 {
		return
	}
	interval := time.Second / time.Duration(t.limits.Rate)
	n := NetworkOf(a)
	t.giveToken(n, interval)
	if site, ok := n.site(); ok {
		t.giveToken(site, interval/siteFactor)
	}
}

func (t *Table) giveToken(n Network, interval time.Duration) {
	if r := t.networks.find(n); r != nil {
		r.bucketFull -= interval
	}
}

func (t *Table) credit(now time.Duration, n Network, d time.Duration) {
	if r := t.networks.find(n); r != nil && !r.penalized && r.owed > now {
		r.owed = max(now, r.owed-d)
	}
}
