package memguard

import "testing"

func TestPressure(t *testing.T) {
	for _, tc := range []struct {
		now    Pressure
		used   int64
		budget int64
		want   Pressure
	}{
		{None, 79, 100, None},
		{None, 80, 100, Refuse},
		{None, 92, 100, Shed},
		{None, 99, 100, Forget},
		{None, 300, 100, Forget},
		// A level is left below where it is entered, one after the other.
		{Forget, 91, 100, Forget},
		{Forget, 89, 100, Shed},
		{Shed, 85, 100, Shed},
		{Shed, 84, 100, Refuse},
		{Refuse, 75, 100, Refuse},
		{Refuse, 74, 100, None},
		{Forget, 10, 100, None},
		{Forget, 99, 0, None}, // nobody knows how much there is
	} {
		if got := tc.now.next(tc.used, tc.budget); got != tc.want {
			t.Errorf("%s with %d of %d: %s, want %s", tc.now, tc.used, tc.budget, got, tc.want)
		}
	}
}
