package bench

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ownDescriptors returns how many descriptors a process needs besides its streams: for its poller,
// its pipes, the publishing connection, and the second descriptor that a stream has for a moment
// after it was dialled.
func (o *Options) ownDescriptors() int { return 64 + o.Opening }

// fit raises the descriptor limit to its maximum and decides how many processes hold the streams.
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
		return fmt.Errorf("a process may have only %d descriptors, too few for one stream: raise ulimit -n", descriptors)
	}
	needed := (o.connections(o.Streams) + room - 1) / room
	if o.Processes == 0 {
		o.Processes = needed
	}
	if o.Processes < needed {
		return fmt.Errorf("a process may have only %d descriptors, enough for %d connections: %d streams need %d processes, or a higher ulimit -n",
			descriptors, room, o.Streams, needed)
	}
	if o.Processes > o.Streams {
		return fmt.Errorf("%d processes for %d streams: each process needs a stream", o.Processes, o.Streams)
	}
	return nil
}
