package threats

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// TestT2HeaderDrip: correct handshakes, and then a request that arrives a byte at a time.
func TestT2HeaderDrip(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--limits-exempt", "none", "--limits-request-timeout", "2s", "--limits-handshake-timeout", "60s",
		"--log-level", "normal")
	h := newGoodStreams(d)
	a := newAttacker(t, d.HTTPS)
	config := d.CA.ClientConfig()
	config.ServerName = "127.0.0.1"
	from := func(i int) string { return fmt.Sprintf("127.6.0.%d", 1+i%4) }
	var held []net.Conn
	h.during(4*time.Second, func(ctx context.Context) {
		held = a.many(t.Context(), 200, from, nil)
		writers := make([]io.Writer, len(held))
		for i, c := range held {
			writers[i] = tls.Client(c, config)
		}
		drip(ctx, writers, []byte("GET /sse?subscribe=crowd HTTP/1.1\r\nHost: "+strings.Repeat("a", 100)), 100*time.Millisecond)
	})
	a.allEnd(held)
	l := d.Limits()
	t.Logf("%d connections held for a while; offences %v", len(held), l.Penalties.Violations)
	if l.Penalties.Violations["request_timeout"] < 50 {
		t.Errorf("%d timed out: this was no attack", l.Penalties.Violations["request_timeout"])
	}
	for i := range 4 {
		if network := from(i) + "/32"; !l.Penalized(network) {
			t.Errorf("%s is not kept out: %+v", network, l.Penalties)
		}
	}
	h.finish()
}

// TestT2SlowHTTPTest: the same with slowhttptest.
func TestT2SlowHTTPTest(t *testing.T) {
	t.Parallel()
	program := harness.Tool(t, "slowhttptest")
	d := harness.Start(t, "--limits-request-timeout", "500ms", "--log-level", "normal")
	h := newGoodStreams(d)
	for _, mode := range []string{"-H", "-X"} {
		h.during(3*time.Second, func(context.Context) {
			// slowhttptest resolves names itself and verifies no certificate.
			r := harness.Run(t, "", program, mode, "-c", "150", "-r", "150", "-i", "1", "-l", "3", "-p", "3", "-w", "1", "-y", "2", "-n", "1",
				"-u", d.URL("subscribe=slow"))
			if !strings.Contains(r.Stdout+r.Stderr, "slow") {
				t.Errorf("slowhttptest %s: %s", mode, r)
			}
		})
	}
	harness.Eventually(t, "the slow connections are gone", func() bool { return d.Status().Connections <= h.connections() })
	st := d.Status()
	t.Logf("closed %v, refused %v", st.Closed, st.Refused)
	if st.Closed["request_timeout"] < 10 {
		t.Errorf("closed %v: this was no attack", st.Closed)
	}
	h.finish()
}

// oneAnswer sends bytes over TLS or in plaintext, n at a time, and returns everything up to the end
// of the connection, which must come.
func oneAnswer(d *harness.Daemon, secure bool, from, text string, n int) string {
	d.T.Helper()
	addr := d.HTTP
	if secure {
		addr = d.HTTPS
	}
	conn, err := (&net.Dialer{Timeout: harness.Patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext(d.T.Context(), "tcp", addr)
	if err != nil {
		d.T.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
		d.T.Fatal(err)
	}
	if secure {
		config := d.CA.ClientConfig()
		config.ServerName = "127.0.0.1"
		conn = tls.Client(conn, config)
	}
	for rest := text; rest != ""; {
		piece := rest[:min(n, len(rest))]
		if _, err := io.WriteString(conn, piece); err != nil {
			break // it has its answer already
		}
		rest = rest[len(piece):]
	}
	var got bytes.Buffer
	if _, err := io.Copy(&got, conn); err != nil && got.Len() == 0 {
		d.T.Errorf("%.100q: no answer: %v", text, err)
	}
	return got.String()
}

var statusLine = regexp.MustCompile(`HTTP/1\.[01] \d{3} `)

// malformedHeads are requests that a strict server refuses. internal/edge/http1 tests a longer
// list.
var malformedHeads = []struct {
	name, text string
	status     int
}{
	{"a folded line", "GET /sse?subscribe=a HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400},
	{"a bare CR", "GET /sse?subscribe=a HTTP/1.1\rHost: a\r\n\r\n", 400},
	{"a NUL", "GET /sse?subscribe=a HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", 400},
	{"a space before the colon", "GET /sse?subscribe=a HTTP/1.1\r\nHost : a\r\n\r\n", 400},
	{"two Hosts", "GET /sse?subscribe=a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
	{"no Host", "GET /sse?subscribe=a HTTP/1.1\r\n\r\n", 400},
	{"HTTP/0.9", "GET /sse?subscribe=a\r\n\r\n", 400},
	{"HTTP/2", "GET /sse?subscribe=a HTTP/2.0\r\nHost: a\r\n\r\n", 505},
	{"65 fields", "GET /sse?subscribe=a HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: b\r\n", 64) + "\r\n", 431},
	{"a long line", "GET /sse?subscribe=" + strings.Repeat("a", 9000) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
	{"a long head", "GET /sse?subscribe=a HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 9000) + "\r\n\r\n", 431},
	{"two targets", "GET /sse /sse HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"a tab for a space", "GET\t/sse HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"no method", " /sse HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"nonsense", strings.Repeat("\xff", 200) + "\r\n\r\n", 400},
}

// TestT7MalformedHeads: each malformed head gets its response and the end of the connection,
// however it is cut.
func TestT7MalformedHeads(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--log-level", "normal")
	h := newGoodStreams(d)
	h.during(time.Second, func(context.Context) {
		for _, tt := range malformedHeads {
			for _, n := range []int{len(tt.text), 7} {
				got := oneAnswer(d, n == len(tt.text), "127.7.0.1", tt.text, n)
				if !strings.HasPrefix(got, fmt.Sprintf("HTTP/1.1 %d ", tt.status)) || len(statusLine.FindAllString(got, -1)) != 1 {
					t.Errorf("%s in pieces of %d: got %.200q, want one answer with status %d", tt.name, n, got, tt.status)
				}
			}
		}
	})
	h.finish()
}

// smuggled is a request that must never get a response.
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

// TestT8Smuggling: the daemon answers only the first request of a connection, whatever follows it.
func TestT8Smuggling(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--log-level", "normal")
	h := newGoodStreams(d)
	get, post := "GET /nothing HTTP/1.1\r\nHost: a\r\n", "POST /nothing HTTP/1.1\r\nHost: a\r\n"
	h.during(time.Second, func(context.Context) {
		for _, tt := range []struct{ name, text string }{
			{"pipelining", get + "\r\n" + smuggled},
			{"a body that is a request", post + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(smuggled)) + smuggled},
			{"a length of 0", post + "Content-Length: 0\r\n\r\n" + smuggled},
			{"CL.TE", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled},
			{"TE.CL", post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + smuggled + "0\r\n\r\n"},
			{"TE.TE", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + smuggled},
			{"TE with a tab", post + "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n" + smuggled},
			{"TE with a space before the colon", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled},
			{"xchunked", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled},
			{"a folded TE", post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + smuggled},
			{"two lengths", post + "Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + smuggled},
			{"a list of lengths", post + "Content-Length: 0, 44\r\n\r\n" + smuggled},
			{"a length with a sign", post + "Content-Length: +0\r\n\r\n" + smuggled},
			{"a GET with a body", get + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(smuggled)) + smuggled},
			{"a GET in chunks", get + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled},
			{"a chunk extension", post + "Transfer-Encoding: chunked\r\n\r\n0;a=\"\n\r\n\r\n" + smuggled},
			{"line ends before it", "\r\n\r\n" + get + "\r\n" + smuggled},
			{"bare line feeds", "GET /nothing HTTP/1.1\nHost: a\n\n" + smuggled},
			{"an upgrade", get + "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n" + smuggled},
			{"HTTP/1.0 with keep-alive", "GET /nothing HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + smuggled},
			{"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n" + smuggled},
			{"HEAD", "HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n" + smuggled},
			{"OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" + smuggled},
			{"Expect", post + "Expect: 100-continue\r\nContent-Length: 44\r\n\r\n" + smuggled},
		} {
			for _, secure := range []bool{false, true} {
				got := oneAnswer(d, secure, "127.8.0.1", tt.text, len(tt.text))
				if n := len(statusLine.FindAllString(got, -1)); n != 1 || strings.Contains(got, "smuggled") {
					t.Errorf("%s, TLS %t: %d answers: %.300q", tt.name, secure, n, got)
				}
			}
		}
		// On an open stream, too, nothing more is answered.
		r := d.Request("subscribe=crowd")
		s := d.Open(r)
		if _, err := s.Write([]byte(smuggled)); err != nil {
			t.Error(err)
		}
		if e, err := s.Next(); err != nil || strings.Contains(e.Data, "HTTP") {
			t.Errorf("on the stream: %+v, %v", e, err)
		}
	})
	h.finish()
}
