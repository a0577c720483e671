package bench

import (
	"crypto/tls"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
)

// TestWireByteByByte gives crypto/tls what comes one byte at a time: it must go on wherever it had
// to stop.
func TestWireByteByByte(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for _, version := range []string{"1.2", "1.3"} {
		o := s.options(Idle)
		o.TLS = version
		target, err := newTarget(o.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := o.clientTLS(target)
		if err != nil {
			t.Fatal(err)
		}
		d := dialer{target: target, tls: cfg, timeout: 30 * time.Second}
		c, err := d.dial(t.Context(), target.subscription("a", ""), 0)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := c.tls.ConnectionState().Version, map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[version]; got != want {
			t.Errorf("version %x, want %x", got, want)
		}
		f := os.NewFile(uintptr(c.fd), "stream")
		if err := f.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		raw, plain := make([]byte, 1), make([]byte, plainRoom)
		for !strings.HasSuffix(got.String(), "\r\n\r\n") {
			n, err := f.Read(raw)
			if err != nil {
				t.Fatal(err)
			}
			for c.wire.in = raw[:n]; ; {
				n, err := c.tls.Read(plain)
				got.Write(plain[:n])
				if errors.Is(err, reactor.ErrWouldBlock) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		if !strings.HasPrefix(got.String(), "HTTP/1.1 200 OK\r\n") {
			t.Errorf("got %q", got.String())
		}
		f.Close()
	}
}
