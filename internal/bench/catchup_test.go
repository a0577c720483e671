package bench

import "testing"

func TestCatchupIsOverOnce(t *testing.T) {
	t.Parallel()
	var c catchup
	if c.isOver() || c.lost(0, 3) != 0 {
		t.Error("nothing was sent, and something is over or lost")
	}
	c.begin([]uint64{5, 0})
	c.missing = 2
	if c.isOver() {
		t.Error("it is over, and two streams are behind")
	}
	c.missing = 0
	if !c.isOver() || c.isOver() {
		t.Error("it must be over exactly once")
	}
}

func TestCatchupCountsWhatIsMissing(t *testing.T) {
	t.Parallel()
	var c catchup
	c.begin([]uint64{5, 0})
	for _, tt := range []struct {
		room     int
		next     uint64
		isBehind bool
		lost     uint64
	}{
		{0, 1, true, 5},
		{0, 5, true, 1},
		{0, 6, false, 0},
		{0, 0, true, 0}, // it has not had any, so none is missing between two
		{1, 1, false, 0},
	} {
		if behind, lost := c.isBehind(tt.room, tt.next), c.lost(tt.room, tt.next); behind != tt.isBehind || lost != tt.lost {
			t.Errorf("room %d, next %d: behind %v, lost %d; want %v, %d", tt.room, tt.next, behind, lost, tt.isBehind, tt.lost)
		}
	}
}
