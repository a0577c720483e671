package daemon

import (
	"testing"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/hub"
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

func TestHubFitsTheBudget(t *testing.T) {
	for _, tc := range []struct {
		budget, history int64
		shortens        bool
	}{
		{0, 64 << 20, false},
		{64 << 20, 16 << 20, true},
		{1 << 40, 64 << 20, false},
	} {
		b := memguard.Budget{Bytes: tc.budget}
		o := hub.Options{History: hub.HistoryLimits{Bytes: 64 << 20}}
		if shortens := fitHub(&o, b, 2); shortens != tc.shortens || o.History.Bytes != tc.history || o.InboxBytes != b.InboxBytes(2) {
			t.Errorf("%d bytes: history %d, inbox %d, shortens %t", tc.budget, o.History.Bytes, o.InboxBytes, shortens)
		}
	}
}
