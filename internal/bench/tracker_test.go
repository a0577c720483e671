package bench

import (
	"math/rand/v2"
	"testing"
)

func TestTracker(t *testing.T) {
	t.Parallel()
	type step struct {
		seq    uint64
		want   verdict
		passed uint64
	}
	for _, tt := range []struct {
		name  string
		begin uint64
		steps []step
	}{
		{"in order", 1, []step{{1, fresh, 0}, {2, fresh, 0}, {3, fresh, 0}}},
		{"from anywhere", 0, []step{{17, fresh, 0}, {18, fresh, 0}, {17, double, 0}, {16, double, 0}}},
		{"first ones lost", 1, []step{{3, fresh, 2}, {1, late, 0}, {1, double, 0}, {2, late, 0}}},
		{"one lost", 1, []step{{1, fresh, 0}, {3, fresh, 1}, {3, double, 0}, {1, double, 0}}},
		{"swapped", 1, []step{{2, fresh, 1}, {1, late, 0}, {3, fresh, 0}}},
		{"late at the end of memory", 1, []step{{64, fresh, 63}, {1, late, 0}, {1, double, 0}, {63, late, 0}}},
		{"late beyond memory is taken for a double", 1, []step{{66, fresh, 65}, {1, double, 0}, {2, double, 0}, {3, late, 0}}},
		{"a long jump", 1, []step{{1 << 40, fresh, 1<<40 - 1}, {1<<40 - 1, late, 0}}},
	} {
		var tr tracker
		tr.begin(tt.begin)
		for i, s := range tt.steps {
			if got, passed := tr.receive(s.seq); got != s.want || passed != s.passed {
				t.Errorf("%s, step %d: %d is verdict %d, passed %d; want %d, %d", tt.name, i, s.seq, got, passed, s.want, s.passed)
			}
		}
	}
}

// TestTrackerAgainstASet holds random orders against a set of all numbers.
func TestTrackerAgainstASet(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var tr tracker
		tr.begin(1)
		seen, highest, lost := map[uint64]bool{}, uint64(0), uint64(0)
		for range 100 {
			seq := highest + 1 + uint64(rnd.IntN(4))
			if rnd.IntN(3) == 0 && highest > 0 {
				seq = highest - min(highest-1, uint64(rnd.IntN(trackRoom-1)))
			}
			want := fresh
			switch {
			case seen[seq]:
				want = double
			case seq < highest:
				want = late
			}
			got, passed := tr.receive(seq)
			if got != want {
				t.Fatalf("%d after %d: verdict %d, want %d", seq, highest, got, want)
			}
			if lost += passed; got == late {
				lost--
			}
			seen[seq], highest = true, max(highest, seq)
		}
		if want := highest - uint64(len(seen)); lost != want {
			t.Fatalf("%d lost, want %d", lost, want)
		}
	}
}
