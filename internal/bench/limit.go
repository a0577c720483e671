package bench

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ownDescriptors is what a process needs besides its streams: its poller, its pipes, the publishing connection, and
// the second descriptor that a stream has for a moment while it is handed over.
func (o *Options) ownDescriptors() int { return 64 + o.Opening }

// fit raises the descriptor limit as far as it goes, and decides how many processes hold the streams.
func (o *Options) fit() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	if limit.Cur < limit.Max {
		limit.Cur = limit.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return os.NewSyscallError("setrlimit", err)
		}
	}
	return o.fitInto(int(min(limit.Cur, 1<<30)))
}

func (o *Options) fitInto(descriptors int) error {
	room := descriptors - o.ownDescriptors()
	if room < 1 {
		return fmt.Errorf("a process may have %d descriptors here, and holding a stream needs more: raise ulimit -n", descriptors)
	}
	needed := (o.Streams + room - 1) / room
	if o.Processes == 0 {
		o.Processes = needed
	}
	if o.Processes < needed {
		return fmt.Errorf("a process may have %d descriptors here, and so hold %d streams: %d streams need %d processes, or a higher ulimit -n",
			descriptors, room, o.Streams, needed)
	}
	if o.Processes > o.Streams {
		return fmt.Errorf("%d processes for %d streams: want a stream for each", o.Processes, o.Streams)
	}
	return nil
}
