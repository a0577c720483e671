package bench

import "testing"

func TestChurnKeepsItsRate(t *testing.T) {
	t.Parallel()
	for _, each := range []float64{0, 0.25, 1, 2.5, 10} {
		c := churn{each: each}
		total := 0
		for range 40 {
			total += c.due()
		}
		if want := int(each * 40); total != want {
			t.Errorf("%v a tick: %d after 40 ticks, want %d", each, total, want)
		}
	}
}
