package threats

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// flood publishes messages of size bytes to the rooms in turn, as fast as the daemon takes them,
// until ctx ends, n are sent, or the daemon refuses one. It returns how many were sent.
func flood(ctx context.Context, d *harness.Daemon, n, size int, rooms ...string) (int, error) {
	r, err := harness.DialRPC("unix", d.Socket)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	text := strings.Repeat("x", size)
	for i := range n {
		if ctx.Err() != nil {
			return i, nil
		}
		if err := r.Call("send", harness.Object{"to": rooms[i%len(rooms)], "data": text}, nil); err != nil {
			return i, fmt.Errorf("message %d of a flood: %w", i, err)
		}
	}
	return n, nil
}

// openNonReader opens a stream that is never read, with the smallest receive buffer that the kernel
// gives.
func openNonReader(d *harness.Daemon, r subscriber.Request) (*subscriber.Stream, error) {
	r.ReadBuffer = 1024
	s, err := subscriber.Open(d.T.Context(), r)
	if err != nil {
		return nil, err
	}
	d.T.Cleanup(func() { s.Close() })
	if s.Status != 200 {
		return nil, errors.New("status " + strconv.Itoa(s.Status))
	}
	return s, nil
}
