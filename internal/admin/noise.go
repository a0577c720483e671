package admin

import (
	"log/slog"
	"time"
)

// noise bounds how much strangers, and those who are refused, can write into the log.
type noise struct {
	since   time.Time // when the window began
	written int       // records in it
	missing int       // that were not written since the last one that was
}

const (
	noiseWindow  = 10 * time.Second
	noiseRecords = 20
)

// level is the level of one more record, and what belongs to it besides.
func (n *noise) level(now time.Time) (slog.Level, []slog.Attr) {
	written, missing := n.next(now)
	switch {
	case !written:
		return slog.LevelDebug, nil
	case missing > 0:
		return slog.LevelInfo, []slog.Attr{slog.Int("not_logged_before", missing)}
	}
	return slog.LevelInfo, nil
}

// next says whether one more record is written, and how many before it were not.
func (n *noise) next(now time.Time) (written bool, missing int) {
	if now.Sub(n.since) >= noiseWindow {
		n.since, n.written = now, 0
	}
	if n.written >= noiseRecords {
		n.missing++
		return false, 0
	}
	n.written++
	missing, n.missing = n.missing, 0
	return true, missing
}
