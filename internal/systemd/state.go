package systemd

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

// State is one thing to tell the service manager: lines of a datagram, as sd_notify(3) lists them.
type State string

// States without a value.
const (
	Ready    State = "READY=1"    // the start, or a reload, is over
	Stopping State = "STOPPING=1" // the end has begun
	Alive    State = "WATCHDOG=1" // all is well
)

// Reloading says that a reload has begun, at the time that [Monotonic] gives.
func Reloading(at time.Duration) State {
	return "RELOADING=1\n" + number("MONOTONIC_USEC", at)
}

// ExtendTimeout asks for so much time from now on for what is going on: the start or the stop.
func ExtendTimeout(by time.Duration) State { return number("EXTEND_TIMEOUT_USEC", by) }

// maxStatus bounds the text of a status, which people read in one line.
const maxStatus = 512

// Status says in a line for people how the service is doing. What would not fit a line is left out of text.
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

// storing are the lines that go with a descriptor to be kept, and those that give up all of a name.
func storing(name string) State  { return State("FDSTORE=1\nFDNAME=" + name) }
func removing(name string) State { return State("FDSTOREREMOVE=1\nFDNAME=" + name) }

// Monotonic is the time on the clock that the service manager compares reloads by.
func Monotonic() time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &at); err != nil {
		panic("systemd: internal error: the monotonic clock is not to be read: " + err.Error())
	}
	return time.Duration(at.Nano())
}

// join makes the datagram.
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
