package memguard

// Pressure is how short memory is. Each level includes the measures of the levels before it.
type Pressure uint8

// The levels of pressure.
const (
	None   Pressure = iota
	Refuse          // new streams are told to come later
	Shed            // the streams with the longest queues are ended
	Forget          // the history is halved
	levels = iota
)

// pressureNames are part of the control protocol.
var pressureNames = [levels]string{None: "none", Refuse: "refuse", Shed: "shed", Forget: "forget"}

func (p Pressure) String() string { return pressureNames[p] }

// enterPercent and leavePercent are percentages of the budget. A level is left well below where it
// is entered; otherwise it would change with every garbage collection.
var (
	enterPercent = [levels]int64{Refuse: 80, Shed: 90, Forget: 95}
	leavePercent = [levels]int64{Refuse: 75, Shed: 85, Forget: 90}
)

// next returns the level that follows p when used bytes of the budget are in use. Without a budget
// (0) it is None.
func (p Pressure) next(used, budget int64) Pressure {
	if budget <= 0 {
		return None
	}
	percent := used * 100 / budget
	level := None
	for l := Refuse; l < levels; l++ {
		if percent >= enterPercent[l] || p >= l && percent >= leavePercent[l] {
			level = l
		}
	}
	return level
}
