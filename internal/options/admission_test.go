package options

import (
	"net/netip"
	"testing"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/config"
)

func TestLoopbackHasTheLimitsThatWereSet(t *testing.T) {
	const all = admission.BoundConnections | admission.BoundStreams | admission.BoundHandshakes | admission.BoundRate | admission.BoundPenalties
	for _, tt := range []struct {
		name   string
		change func(*config.Limits)
		want   admission.Bounds // lifted
	}{
		{"defaults", func(*config.Limits) {}, all},
		{"connections", func(l *config.Limits) { l.ConnectionsPerAddress = 5 }, all &^ admission.BoundConnections},
		{"streams", func(l *config.Limits) { l.StreamsPerAddress = 5 }, all &^ admission.BoundStreams},
		{"handshakes", func(l *config.Limits) { l.HandshakesPerAddress = 5 }, all &^ admission.BoundHandshakes},
		{"rate", func(l *config.Limits) { l.HandshakeRate = 5 }, all &^ admission.BoundRate},
		{"penalties", func(l *config.Limits) { l.Penalties = "dry-run" }, all &^ admission.BoundPenalties},
		{"nobody exempt", func(l *config.Limits) { l.Exempt = []string{"none"} }, 0},
		{"others exempt", func(l *config.Limits) { l.Exempt = []string{"192.0.2.0/24"} }, 0},
	} {
		s := config.Defaults()
		tt.change(&s.Limits)
		if got := Admission(&s).Loopback; got != tt.want {
			t.Errorf("%s: lifted %04b, want %04b", tt.name, got, tt.want)
		}
	}
}

// TestTrustedProxiesHaveNoLimits lifts them for proxies, since they hold for the clients that proxies name; at the
// control port a proxy names nobody.
func TestTrustedProxiesHaveNoLimits(t *testing.T) {
	s := config.Defaults()
	s.Proxy.Trusted = []string{"192.0.2.1", "unix"}
	edge, control := Admission(&s), ControlAdmission(&s)
	for _, from := range []netip.Addr{netip.MustParseAddr("192.0.2.1"), {}} {
		if !edge.Lifts(from, admission.BoundConnections) {
			t.Errorf("the limits of clients apply to the proxy %v", from)
		}
	}
	if edge.Lifts(netip.MustParseAddr("192.0.2.2"), admission.BoundConnections) || control.Lifts(netip.MustParseAddr("192.0.2.1"), admission.BoundRate) {
		t.Error("limits are lifted for others")
	}
}
