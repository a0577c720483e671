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

// firstFD is the first inherited descriptor. The others follow it. See SD_LISTEN_FDS_START in
// sd_listen_fds(3).
const firstFD = 3

// maxSockets bounds the number of inherited sockets, to catch an invalid number. systemd itself
// passes at most RLIMIT_NOFILE.
const maxSockets = 1024

// variables are the environment variables that [Inherit] reads and removes.
var variables = []string{
	"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC",
}

// Service is what the service manager passes to the process. The zero value means no service
// manager.
type Service struct {
	NotifySocket string        // where to report the state of the service; empty: nowhere
	Watchdog     time.Duration // maximum interval between two reports of Alive; 0: none wanted
	Sockets      []Socket      // in the order of their descriptors
}

// Socket is an inherited descriptor. Its user must close it.
type Socket struct {
	Name string // FileDescriptorName= of the socket unit, or FDNAME= of a stored descriptor
	FD   int
}

// Inherit returns what env, in the form of os.Environ, passes to the process pid. It sets
// close-on-exec on the descriptors, and removes the variables from the environment of the process.
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

// parse reads the variables. It ignores those for another process.
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
	// WATCHDOG_PID is optional and LISTEN_PID is not; see sd_watchdog_enabled(3) and
	// sd_listen_fds(3).
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
	named := make([]string, n) // without LISTEN_FDNAMES, all names are empty
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
