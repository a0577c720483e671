package systemd

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

// State is one state to report to the service manager: lines of a datagram as in sd_notify(3).
type State string

// States without a value.
const (
	Ready    State = "READY=1"    // the start or a reload is complete
	Stopping State = "STOPPING=1" // the stop has begun
	Alive    State = "WATCHDOG=1" // the service is alive
)

// Reloading reports that a reload has begun, at the time from [Monotonic].
func Reloading(at time.Duration) State {
	return "RELOADING=1\n" + number("MONOTONIC_USEC", at)
}

// ExtendTimeout asks for more time, from now on, for the current start or stop.
func ExtendTimeout(by time.Duration) State { return number("EXTEND_TIMEOUT_USEC", by) }

// maxStatus bounds the length of a status, which people read on one line.
const maxStatus = 512

// Status reports a line of text for people. It replaces control characters by blanks, and cuts text
// beyond maxStatus.
func Status(text string) State {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxStatus {
		text = text[:maxStatus]
	}
	return State("STATUS=" + strings.ToValidUTF8(text, ""))
}

func number(name string, d time.Duration) State {
	return State(name + "=" + strconv.FormatInt(max(0, d.Microseconds()), 10))
}

// The lines that accompany a descriptor to store, and those that remove all descriptors of a name.
func storing(name string) State  { return State("FDSTORE=1\nFDNAME=" + name) }
func removing(name string) State { return State("FDSTOREREMOVE=1\nFDNAME=" + name) }

// Monotonic returns the time of the clock that the service manager uses for reloads.
func Monotonic() time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &at); err != nil {
		panic("systemd: internal error: the monotonic clock is not to be read: " + err.Error())
	}
	return time.Duration(at.Nano())
}

// join returns the datagram.
func join(states []State) []byte {
	var b strings.Builder
	for i, s := range states {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(string(s))
	}
	return []byte(b.String())
}
