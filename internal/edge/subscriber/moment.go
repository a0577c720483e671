package subscriber

import (
	"math"
	"time"
)

// moment is a time since the start of the clock. Half the size of a time.Duration, it reaches as far
// as a daemon may run: 13 years. What is later counts as then.
type moment uint32

// momentUnit is the unit of a moment. Heartbeats and ages take seconds.
const momentUnit = 100 * time.Millisecond

// farAway is longer than any stream lives.
const farAway = math.MaxUint32 * momentUnit

// before returns the last moment that is not after t.
func before(t time.Duration) moment { return moment(max(0, min(t, farAway)) / momentUnit) }

// after returns the first moment that is not before t, but at least 1: 0 often means none.
func after(t time.Duration) moment {
	return moment((max(1, min(t, farAway)) + momentUnit - 1) / momentUnit)
}

func (m moment) duration() time.Duration { return time.Duration(m) * momentUnit }
