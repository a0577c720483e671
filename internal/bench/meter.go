package bench

import (
	"fmt"
	"os"
	"time"
)

// meter measures the server and this program.
type meter struct{ pids []int }

const procDir = "/proc"

// instant is a time with the processor time used until then.
type instant struct {
	at     time.Time
	server time.Duration
	own    time.Duration
}

// mark returns the instant now.
func (m meter) mark() (instant, error) {
	server, err := m.server(false)
	if err != nil {
		return instant{}, err
	}
	own, err := measure(procDir, []int{os.Getpid()}, false) // workers are our children
	return instant{time.Now(), server.cpu, own.cpu}, err
}

// since returns the load since an instant.
func (m meter) since(i instant) (Load, error) {
	now, err := m.mark()
	return Load{now.at.Sub(i.at).Seconds(), (now.server - i.server).Seconds(), (now.own - i.own).Seconds()}, err
}

// server measures the server. Without its processes all is 0.
func (m meter) server(deep bool) (usage, error) {
	if len(m.pids) == 0 {
		return usage{}, nil
	}
	u, err := measure(procDir, m.pids, deep)
	if err != nil {
		return u, fmt.Errorf("measure the server: %w", err)
	}
	return u, nil
}
