package options

import (
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
