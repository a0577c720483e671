package daemon

import "sync/atomic"

// reloaded is the result of a reload: keys of settings.
type reloaded struct{ changed, needsRestart []string }

// reloadCounts counts reloads by result. Safe for concurrent use.
type reloadCounts struct{ done, failed atomic.Uint64 }

func (c *reloadCounts) count(err error) {
	if err == nil {
		c.done.Add(1)
	} else {
		c.failed.Add(1)
	}
}
