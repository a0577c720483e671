package supervise

import (
	"context"
	"fmt"
	"time"

	"github.com/hassesd/hassesd/internal/systemd"
)

const (
	// statusInterval is how often the status line is checked.
	statusInterval = 2 * time.Second
	// statusTimeout bounds the wait for the figures.
	statusTimeout = 10 * time.Second
	// countingShare is the part of the time that may be spent on counting rooms: one in so many.
	countingShare = 50
)

// Figures are what the status line is made of.
type Figures interface {
	// Streams returns how many streams there are, and how often one was opened or changed its rooms
	// since the start.
	Streams(ctx context.Context) (open int, opened uint64, err error)
	// CountRooms returns how many rooms have streams. It is slow.
	CountRooms(ctx context.Context) (int, error)
}

// RunStatus keeps the manager's status line up to date, and asks for more time while the daemon
// drains and its figures can be had, until stop is closed.
func (m *Manager) RunStatus(stop <-chan struct{}, figures Figures) {
	if !m.IsPresent() {
		return
	}
	tick := time.NewTicker(statusInterval)
	defer tick.Stop()
	var line statusLine
	for now := time.Now(); ; {
		m.tellStatus(&line, figures, now)
		select {
		case now = <-tick.C:
		case <-stop:
			return
		}
	}
}

func (m *Manager) tellStatus(line *statusLine, figures Figures, now time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	isDraining := m.isStopping.Load()
	text, err := line.next(ctx, figures, isDraining, now)
	if err != nil {
		return
	}
	var states []systemd.State
	if text != "" {
		states = append(states, systemd.Status(text))
	}
	if isDraining {
		states = append(states, systemd.ExtendTimeout(stopExtension))
	}
	if len(states) > 0 {
		m.tell(states...)
	}
}

// statusLine is the last status line and what it was made of.
type statusLine struct {
	text      string
	opened    uint64 // rooms cannot change unless this
	streams   int    // or this does
	rooms     int
	isCounted bool      // rooms belongs to these streams
	nextCount time.Time // not before
}

// next returns the status line, or nothing if it is the same as before.
func (l *statusLine) next(ctx context.Context, figures Figures, isDraining bool, now time.Time) (string, error) {
	streams, opened, err := figures.Streams(ctx)
	if err != nil {
		return "", err
	}
	if !l.isCounted || opened != l.opened || streams != l.streams {
		l.opened, l.streams, l.isCounted = opened, streams, false
	}
	if !l.isCounted && !now.Before(l.nextCount) {
		began := time.Now()
		if l.rooms, err = figures.CountRooms(ctx); err != nil {
			return "", err
		}
		l.nextCount = now.Add(countingShare * time.Since(began))
		l.isCounted = true
	}
	text := fmt.Sprintf("%s in %s", count(l.streams, "stream"), count(l.rooms, "room"))
	if isDraining {
		text = "draining, " + count(l.streams, "stream") + " left"
	}
	if text == l.text {
		return "", nil
	}
	l.text = text
	return text, nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
