package daemon

import (
	"testing"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/memguard"
)

func TestPressureHasTheNamesOfTheControlProtocol(t *testing.T) {
	for pressure, want := range map[memguard.Pressure]string{
		memguard.None:   api.PressureNone,
		memguard.Refuse: api.PressureRefuse,
		memguard.Shed:   api.PressureShed,
		memguard.Forget: api.PressureForget,
	} {
		if pressure.String() != want {
			t.Errorf("%s, want %s", pressure, want)
		}
	}
}
