package admission

import (
	"net/netip"
	"testing"
)

func TestTallyCountsTheSiteToo(t *testing.T) {
	t.Parallel()
	tally := newTally()
	one := NetworkOf(netip.MustParseAddr("2001:db8:1:1::1"))
	other := NetworkOf(netip.MustParseAddr("2001:db8:1:2::1"))
	site, ok := one.site()
	if !ok {
		t.Fatal("a network of IPv6 has no site")
	}
	tally.open(one, streams)
	tally.open(one, streams)
	tally.open(other, streams)
	tally.open(one, connections)
	if tally.of(one, streams) != 2 || tally.of(other, streams) != 1 || tally.of(site, streams) != 3 || tally.of(site, connections) != 1 {
		t.Errorf("counted %v", tally)
	}
	tally.close(one, connections)
	tally.close(one, streams)
	tally.close(one, streams)
	tally.close(other, streams)
	if tally.len() != 0 {
		t.Errorf("left when all is closed: %v", tally)
	}
	defer func() {
		if recover() == nil {
			t.Error("closing what is not open is no bug")
		}
	}()
	tally.close(one, streams)
}

func TestTallyKeepsVersionsOfIPApart(t *testing.T) {
	t.Parallel()
	tally := newTally()
	four := NetworkOf(netip.MustParseAddr("192.0.2.1"))
	six := NetworkOf(netip.MustParseAddr("0:0:c000:201::")) // the same 64 bits
	tally.open(four, connections)
	tally.open(four, connections)
	tally.open(six, streams)
	got := make(map[Network]counts)
	for n, open := range tally.networks() {
		got[n] = open
	}
	if len(got) != 2 || got[four] != (counts{connections: 2}) || got[six] != (counts{streams: 1}) {
		t.Errorf("networks %v", got)
	}
	tally.close(four, connections)
	if tally.of(four, connections) != 1 || tally.of(six, connections) != 0 || tally.len() != 3 { // with the site
		t.Errorf("%d connections, %d networks and sites", tally.of(four, connections), tally.len())
	}
}
