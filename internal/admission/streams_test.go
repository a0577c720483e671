package admission

import (
	"net/netip"
	"testing"
)

func TestStreamsAreBoundedByNetwork(t *testing.T) {
	table := New(Limits{Streams: 2, Exempt: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}})
	opens := func(from string, want bool) {
		t.Helper()
		if got := table.OpenStream(addr(from)); got != want {
			t.Errorf("%s opens a stream: %t, want %t", from, got, want)
		}
	}
	opens("192.0.2.1", true)
	opens("192.0.2.1", true)
	opens("192.0.2.1", false)
	opens("192.0.2.2", true)
	table.CloseStream(addr("192.0.2.1"))
	opens("192.0.2.1", true)
	for range 5 {
		opens("198.51.100.1", true)
	}
	for i := range siteFactor { // a /48 has no more than a few /64 together
		from := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 1, 0, byte(i)}).String()
		opens(from, true)
		opens(from, true)
		opens(from, false)
	}
	opens("2001:db8:1:ff::", false)
	if got, want := table.Stats(0, 0).MostOpen, (OpenStreams{NetworkOf(addr("198.51.100.1")), 5}); got != want {
		t.Errorf("most streams: %+v, want %+v", got, want)
	}
	table.SetLimits(Limits{})
	opens("192.0.2.1", true)
}

func TestAStreamIsClosedOnce(t *testing.T) {
	table := New(Limits{})
	table.OpenStream(addr("2001:db8::1"))
	table.CloseStream(addr("2001:db8::1"))
	if table.tally.len() != 0 {
		t.Errorf("%d networks are still counted", table.tally.len())
	}
	defer func() {
		if recover() == nil {
			t.Error("a stream that was not open was closed")
		}
	}()
	table.CloseStream(addr("2001:db8::1"))
}
