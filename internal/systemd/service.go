package systemd

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// firstFD is the first descriptor that is handed over; the others follow it. See SD_LISTEN_FDS_START in
// sd_listen_fds(3).
const firstFD = 3

// maxSockets bounds how many sockets may be handed over. It catches a number that is none; systemd itself hands over
// no more than RLIMIT_NOFILE allows.
const maxSockets = 1024

// variables are those that [Inherit] reads, and whoever comes after must not.
var variables = []string{
	"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC",
}

// Service is what the service manager says to the process it has started. The zero value is a process without one.
type Service struct {
	NotifySocket string        // where to tell how the service is doing; empty: nowhere
	Watchdog     time.Duration // how often at the least the manager wants to hear that all is well; 0: not at all
	Sockets      []Socket      // in the order of their descriptors
}

// Socket is a descriptor that was handed over. Whoever takes it has to close it.
type Socket struct {
	Name string // FileDescriptorName= of the socket unit, or FDNAME= of what was stored
	FD   int
}

// Inherit takes what env, as os.Environ gives it, says to the process pid. The descriptors are there and close on exec
// then, and the variables are gone from the process's own environment.
func Inherit(env []string, pid int) (Service, error) {
	s, err := parse(env, pid)
	for _, name := range variables {
		err = errors.Join(err, os.Unsetenv(name))
	}
	if err != nil {
		return Service{}, err
	}
	for _, socket := range s.Sockets {
		if _, err := unix.FcntlInt(uintptr(socket.FD), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
			return Service{}, fmt.Errorf("take over socket %q: descriptor %d: %w", socket.Name, socket.FD, err)
		}
	}
	return s, nil
}

// parse reads the variables. What is addressed to another process is left alone.
func parse(env []string, pid int) (Service, error) {
	get := func(name string) string {
		for _, pair := range env {
			if value, ok := strings.CutPrefix(pair, name+"="); ok {
				return value
			}
		}
		return ""
	}
	s := Service{NotifySocket: get("NOTIFY_SOCKET")}
	var err error
	// WATCHDOG_PID may be missing, LISTEN_PID may not: see sd_watchdog_enabled(3) and sd_listen_fds(3).
	if get("WATCHDOG_PID") == "" || isFor(get("WATCHDOG_PID"), pid) {
		if s.Watchdog, err = parseWatchdog(get("WATCHDOG_USEC")); err != nil {
			return Service{}, err
		}
	}
	if isFor(get("LISTEN_PID"), pid) {
		if s.Sockets, err = parseSockets(get("LISTEN_FDS"), get("LISTEN_FDNAMES")); err != nil {
			return Service{}, err
		}
	}
	return s, nil
}

func isFor(value string, pid int) bool { return value == strconv.Itoa(pid) }

func parseWatchdog(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	const most = uint64(1<<63-1) / uint64(time.Microsecond)
	usec, err := strconv.ParseUint(text, 10, 64)
	if err != nil || usec == 0 || usec > most {
		return 0, fmt.Errorf("WATCHDOG_USEC=%q is not a number of microseconds", text)
	}
	return time.Duration(usec) * time.Microsecond, nil
}

func parseSockets(count, names string) ([]Socket, error) {
	if count == "" {
		return nil, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > maxSockets {
		return nil, fmt.Errorf("LISTEN_FDS=%q is not a number of sockets from 0 to %d", count, maxSockets)
	}
	if n == 0 {
		return nil, nil
	}
	named := make([]string, n) // all without a name, when nobody speaks of names
	if names != "" {
		if named = strings.Split(names, ":"); len(named) != n {
			return nil, fmt.Errorf("LISTEN_FDNAMES=%q names %d sockets, and LISTEN_FDS=%q says another number", names, len(named), count)
		}
	}
	sockets := make([]Socket, n)
	for i, name := range named {
		sockets[i] = Socket{Name: name, FD: firstFD + i}
	}
	return sockets, nil
}
