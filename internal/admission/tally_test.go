package admission

import (
	"net/netip"
	"testing"
)

func TestTallyCountsTheSiteToo(t *testing.T) {
	t.Parallel()
	counts := make(tally)
	one := NetworkOf(netip.MustParseAddr("2001:db8:1:1::1"))
	other := NetworkOf(netip.MustParseAddr("2001:db8:1:2::1"))
	site, ok := one.site()
	if !ok {
		t.Fatal("a network of IPv6 has no site")
	}
	counts.open(one)
	counts.open(one)
	counts.open(other)
	if counts[one] != 2 || counts[other] != 1 || counts[site] != 3 {
		t.Errorf("counted %v", counts)
	}
	counts.close(one)
	counts.close(one)
	counts.close(other)
	if len(counts) != 0 {
		t.Errorf("left when all is closed: %v", counts)
	}
	defer func() {
		if recover() == nil {
			t.Error("closing what is not open is no bug")
		}
	}()
	counts.close(one)
}
