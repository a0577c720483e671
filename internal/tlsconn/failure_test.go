package tlsconn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"syscall"
	"testing"
)

// afterServerHello sends a hello, waits for the server's answer, and then sends p and its end.
func afterServerHello(hello, p []byte) func(raw clientEnd) error {
	return func(raw clientEnd) error {
		if _, err := raw.Write(hello); err != nil {
			return err
		}
		if _, err := raw.Read(make([]byte, 64<<10)); err != nil {
			return err
		}
		_, err := raw.Write(p)
		raw.CloseWrite()
		return err
	}
}

func plainAlert(minor, level, description byte) []byte {
	return []byte{recordAlert, 3, minor, 0, alertLen, level, description}
}

var changeCipherSpec = []byte{typeChangeCipherSpec, 3, 3, 0, 1, 1}

// TestWhoseFaultAFailedHandshakeIs goes through what clients do, honest ones and others.
func TestWhoseFaultAFailedHandshakeIs(t *testing.T) {
	t.Parallel()
	hello := make(map[uint16][]byte)
	for _, v := range versions {
		hello[v] = helloOf(t, v)
	}
	distrusting := func(v uint16) func(raw clientEnd) error {
		return func(raw clientEnd) error {
			config := clientConfig(v)
			config.VerifyConnection = func(tls.ConnectionState) error { return errors.New("never seen it") }
			_ = tls.Client(raw, config).Handshake() // sends bad_certificate
			return nil
		}
	}
	both := func(f func(v uint16) func(raw clientEnd) error) map[uint16]func(raw clientEnd) error {
		return map[uint16]func(raw clientEnd) error{tls.VersionTLS12: f(tls.VersionTLS12), tls.VersionTLS13: f(tls.VersionTLS13)}
	}
	first := func(p []byte) map[uint16]func(raw clientEnd) error {
		return both(func(uint16) func(raw clientEnd) error { return bytesOf(p) })
	}
	after := func(pieces ...[]byte) map[uint16]func(raw clientEnd) error {
		return both(func(v uint16) func(raw clientEnd) error { return afterServerHello(hello[v], bytes.Join(pieces, nil)) })
	}
	only := func(v uint16, pieces ...[]byte) map[uint16]func(raw clientEnd) error {
		return map[uint16]func(raw clientEnd) error{v: afterServerHello(hello[v], bytes.Join(pieces, nil))}
	}
	other := map[uint16]uint16{tls.VersionTLS12: tls.VersionTLS11, tls.VersionTLS13: tls.VersionTLS12}
	for _, tt := range []struct {
		name     string
		clients  map[uint16]func(raw clientEnd) error
		want     Failure
		alert    tls.AlertError
		answered bool
		whole    bool // what comes in drops is judged before its end
	}{
		{"leaves at once", first(nil), FailureLeft, 0, false, false},
		{"leaves in the hello", first(hello[tls.VersionTLS13][:40]), FailureLeft, 0, false, false},
		{"leaves after our answer", after(nil), FailureLeft, 0, true, false},
		{"leaves in a record", after([]byte{recordAlert, 3, 3, 0, alertLen, 2}), FailureLeft, 0, true, false},
		{"leaves with close_notify", first(plainAlert(1, 1, 0)), FailureLeft, 0, false, false},
		{"leaves after our answer with close_notify", after(plainAlert(3, 1, 0)), FailureLeft, 0, true, false},

		{"does not trust us, as Go says it", both(distrusting), FailureDistrust, alertBadCertificate, true, false},
		{"does not trust us, in the clear", after(plainAlert(3, 2, 48)), FailureDistrust, alertUnknownCA, true, false},
		{"does not trust us, in the clear after a change of cipher", only(tls.VersionTLS13, changeCipherSpec, plainAlert(3, 2, 48)), FailureDistrust, alertUnknownCA, true, false},
		{"does not trust us, in the version of the hello", only(tls.VersionTLS13, plainAlert(1, 2, 45)), FailureDistrust, alertCertificateExpired, true, true},
		{"does not trust us, in an old version", only(tls.VersionTLS12, plainAlert(1, 2, 46)), FailureDistrust, alertCertificateUnknown, true, true},
		{"does not trust us, as a warning", only(tls.VersionTLS13, plainAlert(3, 1, 42)), FailureDistrust, alertBadCertificate, true, false},
		{"does not trust us, in half an alert of an old version", only(tls.VersionTLS12, plainAlert(1, 2, 46)[:6]), FailureAlert, 0, true, true},
		{"gives up", after(plainAlert(3, 2, 40)), FailureAlert, 40, true, false},
		{"gives up at once", first(plainAlert(1, 2, 40)), FailureAlert, 40, false, false},

		{"too old a version", both(func(v uint16) func(raw clientEnd) error { return bytesOf(helloOf(t, other[v])) }), FailureUnsupported, 0, false, false},
		{"SSLv2", first(append([]byte{0x80, 0x2e, 1, 0, 2}, make([]byte, 60)...)), FailureUnsupported, 0, false, false},
		{"TLS in a hello of SSLv2", first(append([]byte{0x80, 0x2e, 1, 3, 1}, make([]byte, 60)...)), FailureUnsupported, 0, false, false},

		{"GET", first([]byte("GET /sse HTTP/1.1\r\n\r\n")), FailureHTTP, 0, false, false},
		{"GET of a proxy", first([]byte("GET http://a/ HTTP/1.1\r\n\r\n")), FailureHTTP, 0, false, false},
		{"OPTIONS", first([]byte("OPTIONS / HTTP/1.0\r\n\r\n")), FailureHTTP, 0, false, false},
		{"PROPFIND", first([]byte("PROPFIND / HTTP/1.1\r\n\r\n")), FailureHTTP, 0, false, false},
		{"HTTP/2", first([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")), FailureHTTP, 0, false, false},
		{"PROXY, version 1", first([]byte("PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n")), FailureProxyHeader, 0, false, false},
		{"PROXY, version 2", first([]byte("\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00")), FailureProxyHeader, 0, false, false},

		{"noise", first(append([]byte{7}, noise(100)...)), FailureNotTLS, 0, false, false},
		{"text", first([]byte("hello, is there anybody?\r\n")), FailureNotTLS, 0, false, false},
		{"SSH", first([]byte("SSH-2.0-OpenSSH_9.9\r\n")), FailureNotTLS, 0, false, false},
		{"data", first(append(recordHeader(recordApplication, 4), "data"...)), FailureNotTLS, 0, false, false},
		{"a hello that is none", first(append(recordHeader(recordHandshake, 8), 1, 0, 0, 4, 0xff, 0xff, 0xff, 0xff)), FailureBroken, 0, false, false},
		{"another message", first(append(recordHeader(recordHandshake, 4), 20, 0, 0, 0)), FailureBroken, 0, false, false},
		{"a record too long", first([]byte{recordHandshake, 3, 1, 0xff, 0xff, 1}), FailureBroken, 0, false, false},
		{"a flood of warnings", first(bytes.Repeat(plainAlert(1, 1, 90), 100)), FailureBroken, 0, false, false},
		{"noise after our answer", after([]byte{recordApplication, 3, 3, 0, 40}, noise(40)), FailureBroken, 0, true, false},
		{"noise, then an alert", only(tls.VersionTLS13, []byte{recordApplication, 3, 3, 0, 40}, noise(40), plainAlert(3, 2, 48)), FailureBroken, 0, true, false},
		{"an alert of three bytes", after([]byte{recordAlert, 3, 3, 0, 3, 2, 48, 0}), FailureBroken, 0, true, false},
		{"an alert without a level", after(plainAlert(3, 7, 48)), FailureBroken, 0, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for v, client := range tt.clients {
				for i, s := range []script{{}, {reads: stutter()}, {reads: cycle(3, 0, 100)}} {
					if tt.whole && i > 0 {
						break
					}
					o := scenario{config: serverConfig(v), client: client}.stepped(t, s)
					e, ok := errors.AsType[*HandshakeError](o.handshake)
					if !ok {
						t.Fatalf("%s: got %v, want a HandshakeError", tls.VersionName(v), o.handshake)
					}
					if e.Failure != tt.want || e.Alert != tt.alert || e.Answered != tt.answered {
						t.Errorf("%s: %s, alert %d, answered %v; want %s, %d, %v (%v)",
							tls.VersionName(v), e.Failure, e.Alert, e.Answered, tt.want, tt.alert, tt.answered, e)
					}
				}
			}
		})
	}
}

func TestABrokenNetworkIsNobodysFault(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		syscall.ECONNRESET, settle(syscall.ETIMEDOUT), ErrBacklog, io.ErrNoProgress, net.ErrClosed,
		&net.OpError{Op: "read", Err: syscall.ECONNRESET},
	} {
		if e := new(Trace).Judge(err); e.Failure != FailureLeft {
			t.Errorf("%v: %s", err, e.Failure)
		}
	}
}

func TestPeerAlert(t *testing.T) {
	t.Parallel()
	for a := range 256 {
		alert := tls.AlertError(a)
		if got, ok := PeerAlert(&net.OpError{Op: "remote error", Err: alert}); !ok || got != alert {
			t.Errorf("%d: got %d, %v", a, got, ok)
		}
	}
	for _, err := range []error{nil, io.EOF, &net.OpError{Op: "local error", Err: alertUnknownCA}, &net.OpError{Op: "remote error"}} {
		if _, ok := PeerAlert(err); ok {
			t.Errorf("%v is an alert of the peer's", err)
		}
	}
}

func TestDistrustAfterTheHandshake(t *testing.T) {
	forBothVersions(t, func(t *testing.T, version uint16) {
		for description, want := range map[byte]bool{byte(alertCertificateUnknown): true, byte(alertUnexpectedMessage): false} {
			c, _, h := connected(t, version, byCrypto)
			h.send(typeAlert, []byte{alertLevelFatal, description})
			_, err := readAll(c)
			if alert, ok := Distrusts(err); ok != want || ok && byte(alert) != description {
				t.Errorf("%v: alert %d, %v", err, alert, ok)
			}
		}
	})
}

func TestFirstBytesOfOtherProtocols(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		first        string
		proxy, hello bool
	}{
		{"", false, false},
		{"PROX", false, false},
		{"PROXY", true, false}, // crypto/tls reads no more
		{"PROXY UNKNOWN\r\n", true, false},
		{"PROXYING", false, false},
		{"\r\n\r\n\x00", true, false},
		{"\r\n\r\nGET / HTTP/1.1\r\n", false, false},
		{"\x16\x03\x01\x02\x00", false, false},
		{"\x16\x03\x01\x02\x00\x01", false, true},
		{"\x16\x03\x01\x02\x00\x02", false, false},
		{"GET / HTTP/1.1\r\n", false, false},
	} {
		if got := IsProxyHeader([]byte(tt.first)); got != tt.proxy {
			t.Errorf("%q begins a PROXY header: %v", tt.first, got)
		}
		if got := IsClientHello([]byte(tt.first)); got != tt.hello {
			t.Errorf("%q begins a ClientHello: %v", tt.first, got)
		}
	}
}

// FuzzTrace: whatever comes, in whatever pieces, what is remembered is the same.
func FuzzTrace(f *testing.F) {
	f.Add(bytes.Join([][]byte{changeCipherSpec, plainAlert(3, 2, 48)}, nil), uint8(1))
	f.Add(append(recordHeader(recordApplication, 3), 1, 2, 3, recordAlert, 3), uint8(4))
	f.Add([]byte{recordHandshake, 3, 1, 0, 0, recordAlert, 3, 1, 0, 0}, uint8(7))
	f.Fuzz(func(t *testing.T, stream []byte, piece uint8) {
		var whole, pieces Trace
		whole.Received(stream)
		for p := range slices.Chunk(stream, int(piece)+1) {
			pieces.Received(p)
		}
		if whole != pieces {
			t.Errorf("whole %+v, in pieces %+v", whole, pieces)
		}
	})
}
