package admission

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestNetworks(t *testing.T) {
	for _, tt := range []struct{ a, network, site string }{
		{"192.0.2.1", "192.0.2.1/32", ""},
		{"::ffff:192.0.2.1", "192.0.2.1/32", ""},
		{"0.0.0.0", "0.0.0.0/32", ""},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"},
		{"fe80::1%eth0", "fe80::/64", "fe80::/48"},
	} {
		n := NetworkOf(addr(tt.a))
		site := ""
		if s, ok := n.site(); ok {
			site = s.String()
		}
		if n.String() != tt.network || site != tt.site {
			t.Errorf("%s: %s in %q, want %s in %q", tt.a, n, site, tt.network, tt.site)
		}
	}
	if NetworkOf(addr("::")) == NetworkOf(addr("0.0.0.0")) {
		t.Error("an IPv6 network is taken for an IPv4 address")
	}
}

// visitor lets connections in by a script.
type visitor struct {
	t     *testing.T
	table *Table
	now   time.Duration
}

func (v *visitor) visit(a string, want Verdict) {
	v.t.Helper()
	if got := v.table.Admit(v.now, Visit{Addr: addr(a), Handshake: true}); got != want {
		v.t.Fatalf("%s at %s: verdict %d, want %d", a, v.now, got, want)
	}
}

func TestConnectionsOfANetwork(t *testing.T) {
	v := &visitor{t: t, table: New(Limits{Connections: 2})}
	v.visit("192.0.2.1", Admit)
	v.visit("192.0.2.1", Admit)
	for range 4 {
		v.visit("192.0.2.1", AdmitDefer)
	}
	v.visit("192.0.2.1", RefuseConnections)
	v.visit("192.0.2.2", Admit)
	v.visit("2001:db8::1", Admit)
	v.visit("2001:db8::2", Admit)
	v.visit("2001:db8::3", AdmitDefer)
	if n := v.table.Held(); n != 10 {
		t.Errorf("%d are held, want 10", n)
	}
	for range 6 {
		v.table.Release(addr("192.0.2.1"))
	}
	v.visit("192.0.2.1", Admit)
}

func TestASiteHoldsFourTimesANetwork(t *testing.T) {
	v := &visitor{t: t, table: New(Limits{Connections: 1})}
	for i := range 4 {
		v.visit(fmt.Sprintf("2001:db8:0:%x::1", i), Admit)
	}
	v.visit("2001:db8:0:ff::1", AdmitDefer)
	v.visit("2001:db8:1:ff::1", Admit) // another site
	v.table.Release(addr("2001:db8:0:3::9"))
	v.table.Release(addr("2001:db8:0:ff::1"))
	v.visit("2001:db8:0:aa::1", Admit)
}

func TestHandshakeRate(t *testing.T) {
	v := &visitor{t: t, table: New(Limits{Rate: 10, Burst: 3})}
	for range 3 {
		v.visit("192.0.2.1", Admit)
	}
	v.visit("192.0.2.1", RefuseRate)
	v.visit("192.0.2.2", Admit)
	if got := v.table.Admit(v.now, Visit{Addr: addr("192.0.2.1")}); got != Admit {
		t.Error("a connection without a handshake was counted as one")
	}
	v.now += 100 * time.Millisecond
	v.visit("192.0.2.1", Admit)
	v.visit("192.0.2.1", RefuseRate)
	v.now += time.Hour
	for range 3 {
		v.visit("192.0.2.1", Admit)
	}
	v.visit("192.0.2.1", RefuseRate)

	// A /48 has four times the rate.
	for i := range 12 {
		v.visit(fmt.Sprintf("2001:db8:0:%x::1", i), Admit)
	}
	v.visit("2001:db8:0:ff::1", RefuseRate)
	v.visit("2001:db8:1::1", Admit)
}

func TestAChallengeComesInOverTheRate(t *testing.T) {
	v := &visitor{t: t, table: New(Limits{Rate: 1, Burst: 1})}
	v.visit("192.0.2.1", Admit)
	authority := Visit{Addr: addr("192.0.2.1"), Handshake: true, Challenged: true}
	for i := range challengeBurst {
		if got := v.table.Admit(v.now, authority); got != AdmitChallenge {
			t.Fatalf("number %d: verdict %d", i, got)
		}
	}
	if got := v.table.Admit(v.now, authority); got != RefuseRate {
		t.Errorf("there is no end to the allowance: verdict %d", got)
	}
	v.visit("192.0.2.1", RefuseRate)
}

func (v *visitor) violate(a string, o Violation, n int) {
	for range n {
		v.table.RecordViolation(v.now, addr(a), o)
	}
}

func TestWhoIsKnownDoesNotUseUpTheRate(t *testing.T) {
	v := &visitor{t: t, table: New(Limits{Rate: 1, Burst: 2, Penalties: PenaltiesOn})}
	for _, a := range []string{"192.0.2.1", "2001:db8::1"} {
		for range 100 {
			v.visit(a, Admit)
			v.table.RecordIdentified(v.now, addr(a))
		}
		v.visit(a, Admit)
		v.visit(a, Admit)
		v.visit(a, RefuseRate)
	}
	v.violate("192.0.2.9", HandshakeFailed, 29)
	v.table.RecordIdentified(v.now, addr("192.0.2.9"))
	v.violate("192.0.2.9", HandshakeFailed, 1)
	v.visit("192.0.2.9", Admit)
}

func TestPenalties(t *testing.T) {
	v := &visitor{t: t, table: New(Limits{Penalties: PenaltiesOn})}
	v.violate("192.0.2.1", HandshakeTimeout, 2)
	v.visit("192.0.2.1", Admit)
	if !v.table.RecordViolation(v.now, addr("192.0.2.1"), HandshakeTimeout) {
		t.Error("the third time-out brought no penalty")
	}
	v.visit("192.0.2.1", RefusePenalty)
	v.visit("192.0.2.2", Admit)
	v.now += 29 * time.Second
	v.table.RecordSuccess(v.now, addr("192.0.2.1"))
	v.visit("192.0.2.1", RefusePenalty) // no way out but time
	v.now += time.Second
	v.visit("192.0.2.1", Admit)
	v.violate("192.0.2.1", HandshakeTimeout, 2)
	v.visit("192.0.2.1", Admit) // what was is over

	v.violate("192.0.2.3", ProtocolBroken, 1000)
	v.now += penaltyMax - time.Second
	v.visit("192.0.2.3", RefusePenalty)
	v.now += time.Second
	v.visit("192.0.2.3", Admit)
}

func TestPenaltiesRunOff(t *testing.T) {
	v := &visitor{t: t, table: New(Limits{Penalties: PenaltiesOn})}
	for range 1000 { // a failure a second
		v.violate("192.0.2.1", HandshakeFailed, 1)
		v.visit("192.0.2.1", Admit)
		v.now += time.Second
	}
}

func TestAnOfficeWithAFewBadLinksStaysIn(t *testing.T) {
	v := &visitor{t: t, table: New(Limits{Penalties: PenaltiesOn})}
	for i := range 2000 { // in no time: a restart
		v.visit("192.0.2.1", Admit)
		if i%20 == 19 {
			v.violate("192.0.2.1", HandshakeTimeout, 1)
		} else {
			v.table.RecordSuccess(v.now, addr("192.0.2.1"))
		}
	}
}

func TestASiteIsPenalizedForItsNetworks(t *testing.T) {
	v := &visitor{t: t, table: New(Limits{Penalties: PenaltiesOn})}
	for i := range 12 { // a time-out each
		v.violate(fmt.Sprintf("2001:db8:0:%x::1", i), HandshakeTimeout, 1)
	}
	v.visit("2001:db8:0:ff::1", RefusePenalty)
	v.visit("2001:db8:1:ff::1", Admit)
	if s := v.table.Stats(v.now, 10); s.Total != 1 || s.Penalized[0].Network.String() != "2001:db8::/48" {
		t.Errorf("penalized: %v", s.Penalized)
	}
}

func TestDryRun(t *testing.T) {
	v := &visitor{t: t, table: New(Limits{Penalties: PenaltiesDryRun})}
	v.violate("192.0.2.1", HandshakeTimeout, 3)
	v.visit("192.0.2.1", Admit)
	s := v.table.Stats(v.now, 10)
	if s.DryRun != 1 || s.Imposed != 1 || s.Total != 1 {
		t.Errorf("stats: %+v", s)
	}
	v.table.SetLimits(Limits{Penalties: PenaltiesOn}) // a reload forgets nothing
	v.visit("192.0.2.1", RefusePenalty)
	v.table.SetLimits(Limits{Penalties: PenaltiesOff})
	v.visit("192.0.2.1", Admit)
	v.violate("192.0.2.2", HandshakeTimeout, 3)
	if s := v.table.Stats(v.now, 10); s.Total != 0 || s.Violations["handshake_timeout"] != 6 {
		t.Errorf("stats without penalties: %+v", s)
	}
}

func TestExemptNetworks(t *testing.T) {
	v := &visitor{t: t, table: New(Limits{
		Connections: 1, Rate: 1, Burst: 1, Penalties: PenaltiesOn,
		Exempt: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")},
	})}
	for _, a := range []string{"192.0.2.7", "::ffff:192.0.2.8", "2001:db8:5::1"} {
		v.violate(a, HandshakeTimeout, 10)
		for range 10 {
			v.visit(a, Admit)
		}
	}
	v.visit("127.0.0.1", Admit)
	v.visit("127.0.0.1", RefuseRate)
}

func TestLoopbackIsSparedBoundByBound(t *testing.T) {
	limits := Limits{Connections: 1, Rate: 1, Burst: 1, Penalties: PenaltiesOn}
	for _, a := range []string{"127.0.0.1", "127.9.9.9", "::1"} {
		limits.Loopback = BoundRate | BoundPenalties
		v := &visitor{t: t, table: New(limits)}
		v.violate(a, HandshakeTimeout, 10)
		v.visit(a, Admit)
		v.visit(a, AdmitDefer)
		limits.Loopback = allBounds &^ BoundRate
		v = &visitor{t: t, table: New(limits)}
		v.visit(a, Admit)
		v.visit(a, RefuseRate)
	}
}

func TestStatsNameTheNetworkThatHoldsMost(t *testing.T) {
	v := &visitor{t: t, table: New(Limits{})}
	v.visit("192.0.2.1", Admit)
	for i := range 3 {
		v.visit(fmt.Sprintf("2001:db8:0:%x::1", i), Admit) // the site holds more, but the address is exempt
	}
	v.visit("192.0.2.1", Admit)
	if s := v.table.Stats(0, 0); s.Most != (Holding{NetworkOf(addr("192.0.2.1")), 2}) {
		t.Errorf("most: %+v", s.Most)
	}
}

func TestReleaseOfNobodyPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	New(Limits{}).Release(addr("192.0.2.1"))
}

func TestDecisionsDoNotAllocate(t *testing.T) {
	table := New(Limits{Connections: 10, Rate: 1000, Burst: 1000, Penalties: PenaltiesOn})
	a := addr("2001:db8::1")
	if n := testing.AllocsPerRun(100, func() {
		if table.Admit(0, Visit{Addr: a, Handshake: true}).Holds() {
			table.Release(a)
		}
		table.RecordViolation(0, a, HandshakeFailed)
		table.RecordSuccess(0, a)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkAdmit is what one connection costs from several loops at a time, with a table full of
// others.
func BenchmarkAdmit(b *testing.B) {
	table := New(Limits{Connections: 256, Rate: 20, Burst: 300, Penalties: PenaltiesOn})
	for i := range maxRecords {
		table.RecordViolation(0, netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), HandshakeTimeout)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			a := netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)})
			if table.Admit(time.Duration(i)*time.Microsecond, Visit{Addr: a, Handshake: true}).Holds() {
				table.RecordSuccess(time.Duration(i)*time.Microsecond, a)
				table.Release(a)
			}
		}
	})
}
