package daemon

import (
	"testing"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/memguard"
)

func TestPressureHasTheNamesOfTheControlProtocol(t *testing.T) {
	for pressure, want := range map[memguard.Pressure]string{
		memguard.None:   admin.PressureNone,
		memguard.Refuse: admin.PressureRefuse,
		memguard.Shed:   admin.PressureShed,
		memguard.Forget: admin.PressureForget,
	} {
		if pressure.String() != want {
			t.Errorf("%s, want %s", pressure, want)
		}
	}
}
