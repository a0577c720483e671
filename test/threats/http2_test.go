package threats

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// h2Floods are what attackers of HTTP/2 say after the preface and their SETTINGS, again and again.
var h2Floods = map[string]func(b *bytes.Buffer, n uint32){
	"rapid reset": func(b *bytes.Buffer, n uint32) {
		b.Write(frame2(1, 5, 2*n+1, []byte{0x82, 0x87, 0x84, 0x41, 1, 'h'})) // HEADERS: GET https / h
		b.Write(frame2(3, 0, 2*n+1, []byte{0, 0, 0, 8}))
	},
	"made-you-reset": func(b *bytes.Buffer, n uint32) {
		b.Write(frame2(1, 5, 2*n+1, []byte{0x82, 0x87, 0x84, 0x41, 1, 'h'}))
		b.Write(frame2(8, 0, 2*n+1, []byte{0, 0, 0, 0})) // WINDOW_UPDATE of 0
	},
	"PING":     func(b *bytes.Buffer, _ uint32) { b.Write(frame2(6, 0, 0, make([]byte, 8))) },
	"SETTINGS": func(b *bytes.Buffer, _ uint32) { b.Write(frame2(4, 0, 0, nil)) },
}

// TestT31FloodsBesideGoodStreams: each flood ends its connections, and good streams notice nothing.
func TestT31FloodsBesideGoodStreams(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	good := attackedGoodStreams(d)
	config := d.CA.ClientConfig()
	config.NextProtos = []string{"h2"}
	for name, say := range h2Floods {
		for range 3 {
			var flood bytes.Buffer
			flood.WriteString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
			flood.Write(frame2(4, 0, 0, nil))
			for n := range uint32(5000) {
				say(&flood, n)
			}
			conn, err := tls.DialWithDialer(&net.Dialer{Timeout: harness.Patience}, "tcp", d.HTTPS, config)
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = conn.Write(flood.Bytes()) }() // it ends when the daemon closes
			got, _ := io.ReadAll(conn)                       // it may end with a reset
			conn.Close()
			// GOAWAY: 8 bytes and a reason; the code follows the last stream.
			at := bytes.LastIndex(got, []byte{7, 0, 0, 0, 0, 0})
			if at < 0 || len(got) < at+14 || got[at+13] != 0xb {
				t.Errorf("%s: the daemon ended with %x, want GOAWAY and ENHANCE_YOUR_CALM", name, got[max(0, len(got)-64):])
			}
		}
	}
	if n := d.Status().Closed["http2_flood"]; n == 0 {
		t.Error("no flood was counted")
	}
	good.survived()
}

// TestT33HoldingOnBesideGoodStreams: windows held at zero while events pile up, and half a frame on each of many connections:
// the first are reset, the second closed, and good streams notice nothing.
func TestT33HoldingOnBesideGoodStreams(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--limits-queue-bytes", "64KiB", "--limits-request-timeout", "2s")
	good := attackedGoodStreams(d)
	config := d.CA.ClientConfig()
	config.NextProtos = []string{"h2"}
	dial := func(say []byte) *tls.Conn {
		t.Helper()
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: harness.Patience}, "tcp", d.HTTPS, config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(say); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	const holders, streams, halves = 5, 20, 50
	path := "/sse?subscribe=held"
	head := append([]byte{0x82, 0x87, 0x01, 9}, "localhost"...) // GET, https, :authority
	head = append(append(head, 0x04, byte(len(path))), path...) // :path
	settings := frame2(4, 0, 0, []byte{0, 4, 0, 0, 0, 0})       // SETTINGS_INITIAL_WINDOW_SIZE 0
	hold := append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings...)
	for i := range streams {
		hold = append(hold, frame2(1, 5, uint32(2*i+1), head)...)
	}
	for range holders {
		dial(hold)
	}
	d.AwaitStreams("held", holders*streams)
	half := append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame2(4, 0, 0, nil)...)
	half = append(half, frame2(1, 4, 1, make([]byte, 100))[:20]...)
	var halfDone []*tls.Conn
	for range halves {
		halfDone = append(halfDone, dial(half))
	}
	big := string(bytes.Repeat([]byte("x"), 16<<10))
	for range 8 {
		d.Send("held", big)
	}
	d.AwaitStreams("held", 0)
	for _, conn := range halfDone {
		if _, err := io.Copy(io.Discard, conn); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("a connection with half a frame: %v, want its end", err)
		}
		conn.Close()
	}
	harness.Eventually(t, "what was held is counted", func() bool {
		closed := d.Status().Closed
		return closed["slow_client"] == holders*streams && closed["request_timeout"] >= halves
	})
	good.survived()
}
