package hub

import "time"

// HistoryLimits bound the history; the first bound that is reached counts. If any is 0, there is no
// history.
type HistoryLimits struct {
	Events int
	Bytes  int64 // encoded events and the names of their targets
	Age    time.Duration
}

func (l HistoryLimits) off() bool { return l.Events <= 0 || l.Bytes <= 0 || l.Age <= 0 }
