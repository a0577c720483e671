package options

import (
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/memguard"
)

// Hub returns the options of the hub, but for its epoch.
func Hub(s *config.Settings) (hub.Options, error) {
	slow, err := hub.ParsePolicy(s.Limits.Slow)
	if err != nil {
		return hub.Options{}, err
	}
	return hub.Options{
		History:    hub.HistoryLimits{Events: s.History.Events, Bytes: s.History.Bytes, Age: s.History.Age},
		QueueBytes: s.Limits.QueueBytes,
		Slow:       slow,
	}, nil
}

// Memory returns the limits of the memory guard.
func Memory(s *config.Settings) memguard.Limits {
	return memguard.Limits{
		Memory:           s.Limits.Memory,
		KernelBytes:      s.Limits.KernelBytes,
		QueuedBytesTotal: s.Limits.QueueBytesTotal,
	}
}

// FitHub keeps what the hub may hold within the budget and reports whether that shortens the
// history.
func FitHub(o *hub.Options, b memguard.Budget, loops int) (shortens bool) {
	o.InboxBytes = b.InboxBytes(loops)
	allowed := b.HistoryBytes(o.History.Bytes)
	shortens = allowed < o.History.Bytes
	o.History.Bytes = allowed
	return shortens
}

// commandTimes is how many times as long as the largest message a control command may be: as JSON,
// with some to spare.
const commandTimes = 7

// CommandBytes returns how long one control command may be.
func CommandBytes(s *config.Settings) int64 { return int64(s.Limits.MessageBytes) * commandTimes }
