package server

import (
	"log/slog"
	"time"
)

// logLimiter bounds how many records refused connections and commands can write into the log.
type logLimiter struct {
	since   time.Time // when the window began
	written int       // records in it
	missing int       // records that were left out since the last one that was written
}

const (
	logWindow  = 10 * time.Second
	logRecords = 20 // in a window
)

// level returns the level of one more record, and the attributes that belong to it.
func (l *logLimiter) level(now time.Time) (slog.Level, []slog.Attr) {
	written, missing := l.next(now)
	switch {
	case !written:
		return slog.LevelDebug, nil
	case missing > 0:
		return slog.LevelInfo, []slog.Attr{slog.Int("not_logged_before", missing)}
	}
	return slog.LevelInfo, nil
}

// next reports whether one more record is written, and how many before it were not.
func (l *logLimiter) next(now time.Time) (written bool, missing int) {
	if now.Sub(l.since) >= logWindow {
		l.since, l.written = now, 0
	}
	if l.written >= logRecords {
		l.missing++
		return false, 0
	}
	l.written++
	missing, l.missing = l.missing, 0
	return true, missing
}
