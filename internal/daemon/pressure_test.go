package daemon

import "testing"

func TestPressure(t *testing.T) {
	for _, tc := range []struct {
		now    pressure
		used   int64
		budget int64
		want   pressure
	}{
		{pressureNone, 79, 100, pressureNone},
		{pressureNone, 80, 100, pressureRefuse},
		{pressureNone, 92, 100, pressureShed},
		{pressureNone, 99, 100, pressureForget},
		{pressureNone, 300, 100, pressureForget},
		// A level is left below where it is entered, one after the other.
		{pressureForget, 91, 100, pressureForget},
		{pressureForget, 89, 100, pressureShed},
		{pressureShed, 85, 100, pressureShed},
		{pressureShed, 84, 100, pressureRefuse},
		{pressureRefuse, 75, 100, pressureRefuse},
		{pressureRefuse, 74, 100, pressureNone},
		{pressureForget, 10, 100, pressureNone},
		{pressureForget, 99, 0, pressureNone}, // nobody knows how much there is
	} {
		if got := tc.now.next(tc.used, tc.budget); got != tc.want {
			t.Errorf("%s with %d of %d: %s, want %s", tc.now, tc.used, tc.budget, got, tc.want)
		}
	}
}
