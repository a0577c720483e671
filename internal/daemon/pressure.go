package daemon

import "github.com/hassesd/hassesd/internal/admin"

// pressure is how short memory is. Each level includes what the ones before it do.
type pressure uint8

const (
	pressureNone   pressure = iota
	pressureRefuse          // new streams are told to come later
	pressureShed            // those for which most waits are ended
	pressureForget          // the history is halved
	numPressures   = iota
)

// pressureNames are part of the control protocol.
var pressureNames = [numPressures]string{
	pressureNone:   admin.PressureNone,
	pressureRefuse: admin.PressureRefuse,
	pressureShed:   admin.PressureShed,
	pressureForget: admin.PressureForget,
}

func (p pressure) String() string { return pressureNames[p] }

// pressureEnter and pressureLeave are parts of the budget, in percent. A level is left some way below where it is
// entered, or it would come and go with each collection of garbage.
var (
	pressureEnter = [numPressures]int64{pressureRefuse: 80, pressureShed: 90, pressureForget: 95}
	pressureLeave = [numPressures]int64{pressureRefuse: 75, pressureShed: 85, pressureForget: 90}
)

// next is the level after p with so much of the budget in use. A budget of 0 is none.
func (p pressure) next(used, budget int64) pressure {
	if budget <= 0 {
		return pressureNone
	}
	percent := used * 100 / budget
	level := pressureNone
	for l := pressureRefuse; l < numPressures; l++ {
		if percent >= pressureEnter[l] || p >= l && percent >= pressureLeave[l] {
			level = l
		}
	}
	return level
}
