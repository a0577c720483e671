package threats

import (
	"net"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// TestT27SilentConnectionsAtTheControlPort: an address that opens connections as fast as it can and says nothing in any of
// them keeps no administrator out.
func TestT27SilentConnectionsAtTheControlPort(t *testing.T) {
	d := harness.StartControlTLS(t)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 66)}, Timeout: time.Second}
		var held []net.Conn
		for {
			select {
			case <-stop:
				for _, c := range held {
					c.Close()
				}
				close(stopped)
				return
			default:
			}
			if c, err := from.DialContext(t.Context(), "tcp", d.TCP); err == nil {
				held = append(held, c)
			}
			if len(held) > 300 {
				held[0].Close()
				held = held[1:]
			}
			<-time.After(500 * time.Microsecond)
		}
	}()
	for deadline := time.Now().Add(harness.Patience); d.Refused(t, "connections") < 200; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("the flood is none")
			break
		}
	}
	for range 5 {
		if r := d.As(t, "alice", "count"); r.Code != 0 {
			t.Error(r)
		}
	}
	close(stop)
	<-stopped
}
