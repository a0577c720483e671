package threats

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// attacker opens connections from addresses of its own and holds them until the test ends.
type attacker struct {
	t    testing.TB
	addr string

	mu    sync.Mutex
	conns []net.Conn
}

func newAttacker(t testing.TB, addr string) *attacker {
	a := &attacker{t: t, addr: addr}
	t.Cleanup(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, c := range a.conns {
			c.Close()
		}
	})
	return a
}

// dial opens a connection from an address of this machine. A refused connection is no failure of
// the test.
func (a *attacker) dial(ctx context.Context, from string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: harness.Patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext(ctx, "tcp", a.addr)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.conns = append(a.conns, c)
	return c, nil
}

// many opens n connections, connection i from the address from(i), a few at a time, and returns
// those that were opened.
func (a *attacker) many(ctx context.Context, n int, from func(i int) string, first func(net.Conn) error) []net.Conn {
	a.t.Helper()
	conns := make([]net.Conn, n)
	var workers sync.WaitGroup
	next := make(chan int)
	for range 8 {
		workers.Go(func() {
			for i := range next {
				c, err := a.dial(ctx, from(i))
				if err == nil && first != nil {
					err = first(c)
				}
				if err == nil {
					conns[i] = c
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
	opened := conns[:0]
	for _, c := range conns {
		if c != nil {
			opened = append(opened, c)
		}
	}
	return opened
}

// drip writes text to each connection one byte at a time, with pauses, until ctx ends or the text
// does.
func drip(ctx context.Context, conns []io.Writer, text []byte, pause time.Duration) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for _, b := range text {
		for i, c := range conns {
			if c == nil {
				continue
			}
			if _, err := c.Write([]byte{b}); err != nil {
				conns[i] = nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// allEnd waits until the daemon has closed every connection.
func (a *attacker) allEnd(conns []net.Conn) {
	a.t.Helper()
	deadline := time.Now().Add(harness.Patience)
	buf := make([]byte, 4096)
	for i, c := range conns {
		if err := c.SetReadDeadline(deadline); err != nil {
			a.t.Fatal(err)
		}
		for {
			if _, err := c.Read(buf); errors.Is(err, os.ErrDeadlineExceeded) {
				a.t.Fatalf("connection %d of %d from %s is still held after %s", i, len(conns), c.LocalAddr(), harness.Patience)
			} else if err != nil {
				break
			}
		}
	}
}

// isReset reports whether the daemon refuses a connection that the kernel has accepted.
func isReset(c net.Conn) bool {
	if err := c.SetReadDeadline(time.Now().Add(harness.Patience)); err != nil {
		return false
	}
	_, err := c.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// release closes all connections.
func (a *attacker) release() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.conns {
		c.Close()
	}
	a.conns = nil
}
