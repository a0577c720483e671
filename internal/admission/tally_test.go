package admission

import (
	"net/netip"
	"testing"
)

func TestTallyCountsTheSiteToo(t *testing.T) {
	t.Parallel()
	tally := make(tally)
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
	if len(tally) != 0 {
		t.Errorf("left when all is closed: %v", tally)
	}
	defer func() {
		if recover() == nil {
			t.Error("closing what is not open is no bug")
		}
	}()
	tally.close(one, streams)
}
