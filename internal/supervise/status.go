package supervise

import (
	"fmt"
	"time"

	"github.com/hassesd/hassesd/internal/systemd"
)

// statusInterval is how often the status line is checked.
const statusInterval = 2 * time.Second

// Figures are what the status line is made of.
type Figures struct{ Streams, Rooms int }

// RunStatus keeps the manager's status line up to date, and asks for more time while the daemon
// drains and its figures can be had, until stop is closed. An error of figures means that they
// cannot be had at the moment.
func (m *Manager) RunStatus(stop <-chan struct{}, figures func() (Figures, error)) {
	if !m.IsPresent() {
		return
	}
	tick := time.NewTicker(statusInterval)
	defer tick.Stop()
	said := ""
	for {
		if f, err := figures(); err == nil {
			said = m.tellStatus(f, said)
		}
		select {
		case <-tick.C:
		case <-stop:
			return
		}
	}
}

// tellStatus tells the status line, unless that is what was said before, and returns it.
func (m *Manager) tellStatus(f Figures, said string) string {
	isDraining := m.isStopping.Load()
	var states []systemd.State
	line := statusLine(f, isDraining)
	if line != said {
		states = append(states, systemd.Status(line))
	}
	if isDraining {
		states = append(states, systemd.ExtendTimeout(stopExtension))
	}
	if len(states) > 0 {
		m.tell(states...)
	}
	return line
}

func statusLine(f Figures, isDraining bool) string {
	if isDraining {
		return "draining, " + count(f.Streams, "stream") + " left"
	}
	return fmt.Sprintf("%s in %s", count(f.Streams, "stream"), count(f.Rooms, "room"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
