package threats

import (
	"net"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// TestT27SilentConnectionsAtTheControlPort: an address that opens silent connections as fast as it
// can keeps no administrator out.
func TestT27SilentConnectionsAtTheControlPort(t *testing.T) {
	d := harness.StartControlTLS(t)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 66)}, Timeout: time.Second}
		var held []net.Conn
		tick := time.NewTicker(500 * time.Microsecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				for _, c := range held {
					c.Close()
				}
				close(stopped)
				return
			case <-tick.C:
			}
			if c, err := from.DialContext(t.Context(), "tcp", d.TCP); err == nil {
				held = append(held, c)
			}
			if len(held) > 300 {
				held[0].Close()
				held = held[1:]
			}
		}
	}()
	if !harness.Poll(harness.Patience, func() bool { return d.Refused(t, "connections") >= 200 }) {
		t.Error("the daemon has not refused 200 connections")
	}
	for range 5 {
		if r := d.As(t, "alice", "count"); r.Code != 0 {
			t.Error(r)
		}
	}
	close(stop)
	<-stopped
}
