package threats

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
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
