package threats

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// negotiate makes a handshake that offers the protocols by ALPN, and returns the chosen one.
func negotiate(d *harness.Daemon, protocols ...string) (string, error) {
	d.T.Helper()
	config := d.CA.ClientConfig()
	config.NextProtos = protocols
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: harness.Patience}, "tcp", d.HTTPS, config)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return conn.ConnectionState().NegotiatedProtocol, nil
}

// frame2 returns an HTTP/2 frame (RFC 9113 section 4.1).
func frame2(kind, flags byte, stream uint32, payload []byte) []byte {
	frame := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(frame[5:], stream)
	return append(frame, payload...)
}

// rapidReset returns the bytes of a client that opens streams and resets them at once
// (CVE-2023-44487).
func rapidReset(streams int) string {
	var b bytes.Buffer
	b.WriteString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	b.Write(frame2(4, 0, 0, nil)) // SETTINGS
	for i := range streams {
		id := uint32(2*i + 1)
		b.Write(frame2(1, 5, id, []byte{0x82, 0x87, 0x84})) // HEADERS: GET https /
		b.Write(frame2(3, 0, id, []byte{0, 0, 0, 8}))       // RST_STREAM: CANCEL
	}
	return b.String()
}

// TestT20HTTP2IsNotServed: with http2 off, a client that wants HTTP/2 gets no handshake, HTTP/1.1, or
// one refusal. The daemon reads none of its frames.
func TestT20HTTP2IsNotServed(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--http2=false")
	good := attackedGoodStreams(d)
	for _, tt := range []struct {
		offered []string
		chosen  string // "": no handshake
	}{
		{[]string{"h2", "http/1.1"}, "http/1.1"},
		{[]string{"h2", "http/1.0"}, "http/1.0"},
		{[]string{"h2"}, ""},
		{[]string{"h2", "h2c", "h3"}, ""},
	} {
		chosen, err := negotiate(d, tt.offered...)
		if chosen != tt.chosen || (err == nil) == (tt.chosen == "") {
			t.Errorf("%q offered: %q, %v; want %q", tt.offered, chosen, err, tt.chosen)
		}
	}
	for _, secure := range []bool{false, true} {
		for _, streams := range []int{0, 1, 100} {
			got := oneAnswer(d, secure, "127.20.0.1", rapidReset(streams), 1<<20)
			if !strings.HasPrefix(got, "HTTP/1.1 505 ") || len(statusLine.FindAllString(got, -1)) != 1 {
				t.Errorf("%d streams of HTTP/2, TLS %t: %.200q, want one 505", streams, secure, got)
			}
		}
		r := d.Plain("subscribe=h2c")
		if secure {
			r = d.Request("subscribe=h2c")
		}
		r.Header = []string{"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"}
		s := d.Open(r) // 200, not 101
		if _, err := s.Write([]byte(rapidReset(10))); err != nil {
			t.Error(err)
		}
		d.Send("h2c", "still here")
		harness.WantMessage(t, s, "still here")
		s.Close()
		d.AwaitStreams("h2c", 0)
	}
	good.survived()
}

// withCompression returns the ClientHello with other compression methods: 0 is none, 1 is DEFLATE
// (RFC 3749).
func withCompression(t testing.TB, hello []byte, methods ...byte) []byte {
	t.Helper()
	at := 5 + 4 + 2 + 32                               // record, handshake, version, random
	at += 1 + int(hello[at])                           // session id
	at += 2 + int(binary.BigEndian.Uint16(hello[at:])) // cipher suites
	if !bytes.Equal(hello[at:at+2], []byte{1, 0}) {    // what every client offers
		t.Fatalf("no compression methods at byte %d of %x", at, hello)
	}
	changed := bytes.Clone(hello[:at])
	changed = append(append(changed, byte(len(methods))), methods...)
	changed = append(changed, hello[at+2:]...)
	binary.BigEndian.PutUint16(changed[3:], uint16(len(changed)-5))
	changed[6], changed[7], changed[8] = 0, byte((len(changed)-9)>>8), byte(len(changed)-9)
	return changed
}

// firstRecord sends a ClientHello and reads the first record of the response.
func firstRecord(d *harness.Daemon, hello []byte) (kind byte, content []byte) {
	d.T.Helper()
	conn, err := net.DialTimeout("tcp", d.HTTPS, harness.Patience)
	if err != nil {
		d.T.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
		d.T.Fatal(err)
	}
	if _, err := conn.Write(hello); err != nil {
		d.T.Fatal(err)
	}
	head := make([]byte, 5)
	if _, err := io.ReadFull(conn, head); err != nil {
		d.T.Fatal(err)
	}
	content = make([]byte, binary.BigEndian.Uint16(head[3:]))
	if _, err := io.ReadFull(conn, content); err != nil {
		d.T.Fatal(err)
	}
	return head[0], content
}

// TestT21NoTLSCompression: TLS never compresses, so that the length of a record reveals nothing
// about its content (CRIME).
func TestT21NoTLSCompression(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	good := attackedGoodStreams(d)
	old := d.CA.ClientConfig()
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	for _, tt := range []struct {
		name    string
		config  *tls.Config
		methods []byte
		refused bool
	}{
		{"TLS 1.2, DEFLATE wished for", old, []byte{1, 0}, false},
		{"TLS 1.2, DEFLATE or nothing", old, []byte{1}, true},
		{"TLS 1.3, DEFLATE wished for", d.CA.ClientConfig(), []byte{1, 0}, true},
	} {
		kind, content := firstRecord(d, withCompression(t, harness.ClientHello(t, tt.config), tt.methods...))
		switch {
		case tt.refused:
			if kind != recordAlert {
				t.Errorf("%s: a record of type %d, want an alert", tt.name, kind)
			}
		case kind != recordHandshake || content[0] != 2:
			t.Errorf("%s: a record of type %d that begins with %x, want a ServerHello", tt.name, kind, content[0])
		default:
			at := 4 + 2 + 32
			at += 1 + int(content[at]) + 2 // session id, suite
			if method := content[at]; method != 0 {
				t.Errorf("%s: compression method %d is chosen", tt.name, method)
			}
		}
	}
	good.survived()
}

// TestT21NoResponseCompression: no response is compressed, whatever the client accepts (BREACH,
// bombs).
func TestT21NoResponseCompression(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--demo")
	good := attackedGoodStreams(d)
	for _, target := range []string{"/sse?subscribe=a&id=squeezed", "/sse", "/nothing", "/sse?subscribe=%00", "/"} {
		for _, secure := range []bool{false, true} {
			r := d.Plain("")
			if secure {
				r = d.Request("")
			}
			r.Target = target
			r.Header = []string{"Accept-Encoding: gzip, deflate, br, zstd, compress, *;q=1", "TE: gzip, deflate, trailers", "Accept: */*"}
			s, err := subscriber.Open(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			if got := s.Header.Values("Content-Encoding"); len(got) > 0 {
				t.Errorf("%s, TLS %t: Content-Encoding %q", target, secure, got)
			}
			if got := fmt.Sprint(s.Header.Values("Transfer-Encoding")); got != "[]" && got != "[chunked]" {
				t.Errorf("%s, TLS %t: Transfer-Encoding %s", target, secure, got)
			}
			if s.Status == 200 && strings.Contains(target, "id=squeezed") {
				if _, err := s.Preface(); err != nil {
					t.Fatal(err)
				}
				text := strings.Repeat("a", 32<<10)
				d.Send("a", text)
				harness.WantMessage(t, s, text)
				s.Close()
				continue
			}
			body, err := io.ReadAll(s.Body)
			if err != nil {
				t.Fatal(err)
			}
			if i := bytes.IndexFunc(body, func(r rune) bool { return r != '\n' && r != '\t' && (r < ' ' || r == '\uFFFD') }); i >= 0 {
				t.Errorf("%s, TLS %t: byte %d is no text: %.80q", target, secure, i, body)
			}
		}
	}
	good.survived()
}
