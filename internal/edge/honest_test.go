package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"maps"
	"net"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/admission"
)

// violationsOf are the violations that were counted so far.
func (w *testServer) violationsOf() map[string]uint64 {
	w.t.Helper()
	violations := w.limits().Admission.Violations
	maps.DeleteFunc(violations, func(_ string, n uint64) bool { return n == 0 })
	return violations
}

// helloAndThen sends a ClientHello, waits for our answer, sends more and ends.
func helloAndThen(hello []byte, more string) func(w *testServer) {
	return func(w *testServer) {
		c := w.connectFrom(other)
		c.Send(hello)
		w.waitFor("the server's hello", func() bool { return c.received() != "" })
		c.Send([]byte(more))
		c.CloseWrite()
	}
}

// handshakes is a client whose handshake fails.
func shakesHands(config *tls.Config) func(w *testServer) {
	return func(w *testServer) {
		c := w.connectFrom(other)
		w.tlsDo(func() error {
			if tls.Client(c.Conn(), config).Handshake() == nil {
				w.t.Error("the handshake succeeded")
			}
			return nil
		})
		c.CloseWrite()
	}
}

// sends is a client that says something, over TLS where that is spoken, and ends.
func sends(config *tls.Config, text string) func(w *testServer) {
	return func(w *testServer) {
		c := w.connectFrom(other)
		if config == nil {
			c.Send([]byte(text))
			w.turn()
			c.CloseWrite()
			return
		}
		conn := tls.Client(c.Conn(), config)
		w.tlsDo(func() error {
			_, err := io.WriteString(conn, text)
			return err
		})
		w.waitFor("the end of the handshake", func() bool { return w.limits().Handshakes == 0 })
		w.tlsDo(conn.CloseWrite)
	}
}

const (
	unknownCA  = "\x15\x03\x03\x00\x02\x02\x30" // the alert, in the clear
	cipherSpec = "\x14\x03\x03\x00\x01\x01"

	noViolation = ""
)

// TestWhatHonestClientsDo is the table of docs/security.md: how each failure ends, and what its
// network owes for it. Clients without trust, monitors, balancers and proxies that are half set up
// owe nothing, or no more than they cost.
func TestWhatHonestClientsDo(t *testing.T) {
	server, config := testTLS(t)
	r := &recorder{}
	_ = tls.Client(r, config).Handshake() // in vain: nobody answers
	hello := r.got.Bytes()
	distrusting := config.Clone()
	distrusting.RootCAs = nil
	old := config.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11

	broken, failed := admission.ProtocolBroken.String(), admission.HandshakeFailed.String()
	plain := func(text string) func(w *testServer) { return sends(nil, text) }
	over := func(text string) func(w *testServer) { return sends(config, text) }
	const rest = " HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for _, tt := range []struct {
		name      string
		tls       bool
		do        func(w *testServer)
		closed    CloseReason
		violation string
	}{
		// What comes instead of a handshake, or ends one.
		{"a connect check", true, plain(""), ClosedByPeer, noViolation},
		{"a blank line", true, plain("\r\n"), ClosedByPeer, noViolation},
		{"half a hello", true, plain(string(hello[:50])), ClosedByPeer, noViolation},
		{"a hello and no more", true, helloAndThen(hello, ""), ClosedByPeer, failed},
		{"a client without trust (OpenSSL)", true, helloAndThen(hello, cipherSpec+unknownCA), CertificateRefused, noViolation},
		{"a client without trust (OpenSSL), without a change of cipher", true, helloAndThen(hello, unknownCA), CertificateRefused, noViolation},
		{"a client without trust (others)", true, shakesHands(distrusting), CertificateRefused, noViolation},
		{"another alert", true, helloAndThen(hello, "\x15\x03\x03\x00\x02\x02\x28"), HandshakeFailed, failed},
		{"a check with SSLv3", true, plain("\x16\x03\x00\x00\x2d\x01\x00\x00\x29\x03\x00" + strings.Repeat("a", 32) + "\x00\x00\x02\x00\x0a\x01\x00"), HandshakeFailed, noViolation},
		{"a check with SSLv2", true, plain("\x80\x2e\x01\x00\x02" + strings.Repeat("a", 60)), HandshakeFailed, noViolation},
		{"an old client", true, shakesHands(old), HandshakeFailed, noViolation},
		{"HTTP on the TLS port", true, plain("GET /sse" + rest), WrongProtocol, noViolation},
		{"a probe with HTTP/1.0 on the TLS port", true, plain("OPTIONS / HTTP/1.0\r\n\r\n"), WrongProtocol, noViolation},
		{"a DELETE on the TLS port", true, plain("DELETE /sse" + rest), WrongProtocol, noViolation},
		{"HTTP/2 on the TLS port", true, plain("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), WrongProtocol, noViolation},
		{"a PROXY header on the TLS port", true, plain("PROXY TCP4 192.0.2.9 192.0.2.1 4000 443\r\n" + string(hello)), UnexpectedProxyHeader, noViolation},
		{"a binary PROXY header on the TLS port", true, plain("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + string(hello)), UnexpectedProxyHeader, noViolation},
		{"noise", true, plain(strings.Repeat("\xff", 100)), HandshakeFailed, broken},
		{"noise in a handshake", true, helloAndThen(hello, "\x17\x03\x03\x00\x20"+strings.Repeat("\xff", 32)), HandshakeFailed, broken},
		{"noise like a hello", true, plain("\x16\x03\x01\x00\x08\x01\x00\x00\x04" + "\xff\xff\xff\xff"), HandshakeFailed, broken},

		// After a good handshake.
		{"a check of the certificate", true, over(""), ClosedByPeer, noViolation},
		{"a check of the certificate with a blank line (echo | openssl s_client)", true, over("\n"), Answered, noViolation},
		{"HTTP/0.9", true, over("GET /\r\n\r\n"), Answered, noViolation},
		{"a script without Host", true, over("GET / HTTP/1.1\r\n\r\n"), Answered, noViolation},

		// Plaintext, where the same heads may come.
		{"a connect check, plaintext", false, plain(""), ClosedByPeer, noViolation},
		{"a blank line, plaintext", false, plain("\r\n"), ClosedByPeer, noViolation},
		{"a bare line end", false, plain("\n"), Answered, noViolation},
		{"TLS on the plaintext port", false, plain(string(hello)), WrongProtocol, noViolation},
		{"a PROXY header", false, plain("PROXY TCP4 192.0.2.9 192.0.2.1 4000 80\r\nGET /sse" + rest), UnexpectedProxyHeader, noViolation},
		{"a binary PROXY header", false, plain("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + strings.Repeat("\n", 12) + "GET /sse" + rest), UnexpectedProxyHeader, noViolation},
		{"HTTP/1.0", false, plain("GET / HTTP/1.0\r\n\r\n"), Answered, noViolation},
		{"HTTP/2", false, plain("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Answered, noViolation},
		{"HEAD", false, plain("HEAD /" + rest), Answered, noViolation},
		{"POST", false, plain("POST /sse HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"), Answered, noViolation},
		{"a GET with a body", false, plain("GET /sse?subscribe=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"), Answered, noViolation},
		{"no rooms", false, plain("GET /sse" + rest), Answered, noViolation},
		{"a broken query", false, plain("GET /sse?subscribe=%zz" + rest), Answered, noViolation},
		{"a blank in the target", false, plain("GET /sse?room=my room" + rest), Answered, noViolation},
		{"a percent sign in the path", false, plain("GET /100%" + rest), Answered, noViolation},
		{"a fragment", false, plain("GET /sse?subscribe=a#b" + rest), Answered, noViolation},
		{"a URL as Host", false, plain("GET /sse HTTP/1.1\r\nHost: http://localhost/\r\n\r\n"), Answered, noViolation},
		{"a proxy that adds Host", false, plain("GET /sse HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), Answered, noViolation},
		{"a proxy that adds Authorization", false, plain("GET /sse HTTP/1.1\r\nHost: a\r\nAuthorization: Basic eDp5\r\nAuthorization: Bearer x\r\n\r\n"), Answered, noViolation},
		{"a proxy that adds Origin", false, plain("GET /sse HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\nOrigin: https://b\r\n\r\n"), Answered, noViolation},
		{"a header line without a colon", false, plain("GET /sse HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n"), Answered, noViolation},
		{"a template in a name", false, plain("GET /sse HTTP/1.1\r\nHost: a\r\nX-{{name}}: b\r\n\r\n"), Answered, noViolation},
		{"too many cookies", false, plain("GET /sse HTTP/1.1\r\nHost: a\r\nCookie: " + strings.Repeat("a", 9000) + "\r\n\r\n"), Answered, noViolation},
		{"another protocol", false, plain("OPTIONS rtsp://a/ RTSP/1.0\r\n\r\n"), Answered, noViolation},

		{"a folded line", false, plain("GET /sse HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"), Answered, broken},
		{"a blank before the colon", false, plain("GET /sse HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n"), Answered, broken},
		{"a bare CR", false, plain("GET /sse HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n"), Answered, broken},
		{"NUL", false, plain("GET /s\x00se" + rest), Answered, broken},
		{"two lengths", false, plain("GET /sse HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n"), Answered, broken},
		{"length and coding", false, plain("POST /sse HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), Answered, broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newTestServer(t, func(s *setup) {
				if tt.tls {
					s.tls = server
				}
				s.edge.Admission = admission.Limits{Penalties: admission.PenaltiesOn}
			})
			tt.do(w)
			w.waitFor("the end", func() bool { return w.stats().Connections == 0 })
			if n := w.stats().Closed[tt.closed.String()]; n != 1 {
				t.Errorf("closed %v, want %s", w.stats().Closed, tt.closed)
			}
			want := map[string]uint64{}
			if tt.violation != noViolation {
				want[tt.violation] = 1
			}
			if got := w.violationsOf(); !maps.Equal(got, want) {
				t.Errorf("violations %v, want %v", got, want)
			}
		})
	}
}

// An office in which one browser does not trust the certificate, and tries again and again.
func TestAClientWithoutTrustKeepsNobodyOut(t *testing.T) {
	server, config := testTLS(t)
	r := &recorder{}
	_ = tls.Client(r, config).Handshake()
	w := newTestServer(t, func(s *setup) {
		s.tls = server
		s.edge.Admission = admission.Limits{Penalties: admission.PenaltiesOn}
	})
	for range 60 {
		helloAndThen(r.got.Bytes(), unknownCA)(w)
	}
	w.waitFor("the end", func() bool { return w.stats().Connections == 0 })
	if info := w.limits().Admission; info.Imposed != 0 {
		t.Errorf("a network was kept out: %+v", info)
	}
	w.shake(other, config)
}

// What only the log can tell is told, with what to do, and not as often as anybody likes.
func TestTheLogTellsOfHonestTrouble(t *testing.T) {
	server, config := testTLS(t)
	r := &recorder{}
	_ = tls.Client(r, config).Handshake()
	for _, tt := range []struct {
		name string
		tls  *tls.Config
		do   func(w *testServer)
		want []string
	}{
		{
			"distrust", server, helloAndThen(r.got.Bytes(), unknownCA),
			[]string{`msg="the client does not trust our certificate"`, "peer=" + other + ":", "server_name=localhost", "unknown certificate authority", "hassesctl certs"},
		},
		{
			"a PROXY header", server, sends(nil, "PROXY TCP4 192.0.2.9 192.0.2.1 4000 443\r\n"),
			[]string{"PROXY header", "peer=" + other + ":", "send-proxy"},
		},
		{
			"a PROXY header in plaintext", nil, sends(nil, "PROXY TCP4 192.0.2.9 192.0.2.1 4000 443\r\n"),
			[]string{"PROXY header", "peer=" + other + ":", "send-proxy"},
		},
		{
			"TLS in plaintext", nil, sends(nil, r.got.String()),
			[]string{"speaks TLS", "peer=" + other + ":", "http://"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			w := newTestServer(t, func(s *setup) {
				s.tls = tt.tls
				s.log = slog.NewTextHandler(&log, nil)
			})
			lines := func() []string { return strings.Split(strings.TrimSpace(log.String()), "\n") }
			again := func(n int) {
				for range n {
					tt.do(w)
				}
				w.waitFor("the end", func() bool { return w.stats().Connections == 0 })
			}
			again(hintBurst + 2)
			if len(lines()) != hintBurst {
				t.Fatalf("want %d lines:\n%s", hintBurst, log.String())
			}
			for i, part := range append(tt.want, "level=INFO", " hint=") {
				if line := lines()[i%hintBurst]; !strings.Contains(line, part) {
					t.Errorf("no %s in %s", part, line)
				}
			}
			w.advance(hintQuiet)
			again(2)
			if l := lines(); len(l) != hintBurst+1 || !strings.Contains(l[hintBurst], "not_logged_before=2") {
				t.Errorf("a minute later:\n%s", log.String())
			}
		})
	}
}

// A client may agree on keys first, and look at the certificate then. Only crypto/tls could send
// its alert under the keys: here is what becomes of the error that crypto/tls makes of it.
func TestDistrustAfterTheHandshake(t *testing.T) {
	server, config := testTLS(t)
	for alert, want := range map[tls.AlertError]CloseReason{46: CertificateRefused, 10: TransportFailed} {
		w := newTestServer(t, func(s *setup) { s.tls = server })
		w.shake(other, config)
		w.waitFor("the end of the handshake", func() bool { return w.limits().Handshakes == 0 })
		w.do(func(ctx context.Context) error {
			return w.srv.workers[0].ask(ctx, func() {
				(*protocol)(w.srv.workers[0].conns[0]).ReadFailed(&net.OpError{Op: "remote error", Err: alert})
			})
		})
		w.waitFor("the end", func() bool { return w.stats().Closed[want.String()] == 1 })
		if got := w.violationsOf(); len(got) > 0 {
			t.Errorf("alert %d: violations %v", alert, got)
		}
	}
}
