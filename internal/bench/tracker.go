package bench

// tracker records which messages of its room a stream has received. The zero value expects any
// number first; begin(n) makes it expect n.
type tracker struct {
	next    uint64 // the number expected; 0: any
	missing uint64 // bit i: number next-1-i was passed over
}

// verdict is what a tracker makes of a number.
type verdict uint8

const (
	// fresh: the number is the expected one, or a later one.
	fresh verdict = iota
	// late: the number had been passed over, and comes out of order.
	late
	// double: the number has come before.
	double
)

// trackRoom is how far back the tracker can tell a late message from a double one.
const trackRoom = 64

func (t *tracker) begin(seq uint64) { t.next, t.missing = seq, 0 }

// receive notes a number and returns what it is, and how many were passed over with it.
func (t *tracker) receive(seq uint64) (v verdict, passed uint64) {
	if t.next == 0 {
		t.next = seq
	}
	if seq >= t.next {
		passed = seq - t.next
		// The bits of those passed over, below the bit of seq itself, which is not missing.
		if passed+1 >= trackRoom {
			t.missing = 0
		} else {
			t.missing <<= passed + 1
		}
		t.missing |= (1<<min(passed, trackRoom-1) - 1) << 1
		t.next = seq + 1
		return fresh, passed
	}
	back := t.next - 1 - seq
	if back < trackRoom && t.missing>>back&1 == 1 {
		t.missing &^= 1 << back
		return late, 0
	}
	return double, 0
}
