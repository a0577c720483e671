package daemon

import (
	"testing"

	"github.com/hassesd/hassesd/internal/config"
)

func TestControlPlacesFitTheDescriptors(t *testing.T) {
	s := config.Defaults()
	for _, tt := range []struct{ descriptors, want int }{
		{20_000, 128},
		{1024, 128},
		{256, 54},
		{64, 6},
		{32, 2},
	} {
		if got := controlPlaces(&s, tt.descriptors); got != tt.want {
			t.Errorf("%d descriptors: %d places, want %d", tt.descriptors, got, tt.want)
		}
	}
	s.Control.TCP, s.Control.TLS.CertFile = ":9085", "cert.pem" // whose clients without a role need descriptors as well
	for _, tt := range []struct{ descriptors, want int }{{20_000, 128}, {256, 15}, {64, 2}} {
		if got := controlPlaces(&s, tt.descriptors); got != tt.want {
			t.Errorf("with TLS, %d descriptors: %d places, want %d", tt.descriptors, got, tt.want)
		}
	}
}
