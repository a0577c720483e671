package tls

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// TestPostQuantumAlone connects with a client that accepts only the hybrid of X25519 and
// ML-KEM-768.
func TestPostQuantumAlone(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	r := d.Request("subscribe=a")
	r.TLS.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768}
	s := d.Open(r)
	if s.TLS.CurveID != tls.X25519MLKEM768 || s.TLS.Version != tls.VersionTLS13 {
		t.Errorf("agreed on %v, %s", s.TLS.CurveID, tls.VersionName(s.TLS.Version))
	}
	d.Send("a", "hello")
	harness.WantMessage(t, s, "hello")

	usual := d.Subscribe("subscribe=a")
	if usual.TLS.CurveID != tls.X25519MLKEM768 {
		t.Errorf("a client with Go's own preferences agreed on %v", usual.TLS.CurveID)
	}
}

// TestTLSClients connects with three other implementations of TLS, in both versions, with and
// without ALPN, twice in a row to see whether the session is resumed.
func TestTLSClients(t *testing.T) {
	t.Parallel()
	openssl, gnutls, curl := harness.Tool(t, "openssl"), harness.Tool(t, "gnutls-cli"), harness.Tool(t, "curl")
	for _, tickets := range []bool{true, false} {
		d := harness.Start(t, "--tls-session-tickets="+map[bool]string{true: "true", false: "false"}[tickets])
		_, port := harness.SplitAddress(t, d.HTTPS)
		for _, version := range []struct {
			name, openssl, gnutls, curlMin, curlMax string
		}{
			{"TLS 1.2", "-tls1_2", "NORMAL:-VERS-ALL:+VERS-TLS1.2", "--tlsv1.2", "1.2"},
			{"TLS 1.3", "-tls1_3", "NORMAL:-VERS-ALL:+VERS-TLS1.3", "--tlsv1.3", "1.3"},
		} {
			for _, alpn := range []string{"", "http/1.1", "h3,http/1.1", "h3"} {
				name := version.name + ", ALPN " + alpn
				if tickets {
					name += ", tickets"
				}
				refused := alpn == "h3"
				t.Run("openssl, "+name, func(t *testing.T) { openSSLClient(t, d, openssl, version.openssl, alpn, tickets, refused) })
				t.Run("gnutls, "+name, func(t *testing.T) { gnuTLSClient(t, d, gnutls, version.gnutls, port, alpn, tickets, refused) })
			}
			for _, alpn := range []string{"--no-alpn", "--http1.1", "--http2"} {
				t.Run("curl, "+version.name+" "+alpn, func(t *testing.T) {
					r := harness.Run(t, "", curl, "--silent", "--show-error", "--include", "--head", version.curlMin, "--tls-max", version.curlMax, alpn,
						"--cacert", d.CaFile, "https://localhost:"+port+"/sse?subscribe=a", "https://localhost:"+port+"/sse?subscribe=a")
					want := "HTTP/1.1 200 OK\r\n"
					if alpn == "--http2" {
						want = "HTTP/2 200 \r\n"
					}
					if r.Code != 0 || strings.Count(r.Stdout, want) != 2 {
						t.Errorf("want %q twice, got %s", want, r)
					}
				})
			}
		}
	}
}

// TestStrictNamesShowNoCertificate asks for a name that no certificate has, and for no name, as
// scanners do.
func TestStrictNamesShowNoCertificate(t *testing.T) {
	t.Parallel()
	openssl := harness.Tool(t, "openssl")
	d := harness.Start(t, "--tls-sni-strict")
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		for name, args := range map[string][]string{"unknown": {"-servername", "unknown.example"}, "none": {"-noservername"}} {
			r := harness.Run(t, "", openssl, append([]string{"s_client", version, "-connect", d.HTTPS, "-CAfile", d.CaFile}, args...)...)
			if r.Code == 0 || !strings.Contains(r.Stderr, "unrecognized name") || !strings.Contains(r.Stdout, "no peer certificate available") {
				t.Errorf("%s, %s: want the alert unrecognized_name and no certificate, got %s", version, name, r)
			}
		}
		r := harness.Run(t, "", openssl, "s_client", version, "-connect", d.HTTPS, "-CAfile", d.CaFile, "-servername", "localhost", "-verify_return_error")
		if r.Code != 0 || !strings.Contains(r.Stdout, "Verify return code: 0 (ok)") {
			t.Errorf("%s: localhost is refused: %s", version, r)
		}
	}
}

// openSSLClient makes two handshakes, the second with the session of the first.
func openSSLClient(t *testing.T, d *harness.Daemon, openssl, version, alpn string, tickets, refused bool) {
	session := t.TempDir() + "/session"
	args := []string{"s_client", version, "-connect", d.HTTPS, "-CAfile", d.CaFile, "-verify_return_error", "-servername", "localhost", "-ign_eof"}
	if alpn != "" {
		args = append(args, "-alpn", alpn)
	}
	for i, extra := range [][]string{{"-sess_out", session}, {"-sess_in", session}} {
		if i > 0 && !tickets {
			break // there is no session to be saved
		}
		r := harness.Run(t, "HEAD /sse?subscribe=a HTTP/1.0\r\n\r\n", openssl, append(append([]string{}, args...), extra...)...)
		if refused {
			if !strings.Contains(r.Stderr, "no application protocol") {
				t.Errorf("want the alert no_application_protocol, got %s", r)
			}
			return
		}
		kind := "New, TLSv1."
		if i > 0 {
			kind = "Reused, TLSv1."
		}
		if r.Code != 0 || !strings.Contains(r.Stdout, "HTTP/1.0 200 OK") || !strings.Contains(r.Stdout, kind) {
			t.Errorf("handshake %d: want %q and an answer, got %s", i+1, kind, r)
		}
		if want := "ALPN protocol: http/1.1"; (alpn != "") != strings.Contains(r.Stdout, want) {
			t.Errorf("handshake %d: %q in the output is not as it should be: %s", i+1, want, r)
		}
		if has := strings.Contains(r.Stdout, "TLS session ticket:"); has != tickets {
			t.Errorf("handshake %d: a ticket came: %v, want %v", i+1, has, tickets)
		}
		for _, want := range []string{"Compression: NONE", "Verify return code: 0 (ok)"} {
			if !strings.Contains(r.Stdout, want) {
				t.Errorf("handshake %d: no %q in %s", i+1, want, r)
			}
		}
		if strings.Contains(r.Stdout, "Max Early Data: ") && !strings.Contains(r.Stdout, "Max Early Data: 0") {
			t.Errorf("handshake %d: early data is allowed: %s", i+1, r)
		}
	}
}

// gnuTLSClient makes two handshakes in one process, the second with the session of the first.
func gnuTLSClient(t *testing.T, d *harness.Daemon, gnutls, priority, port, alpn string, tickets, refused bool) {
	args := []string{"--priority", priority, "--x509cafile", d.CaFile, "--resume", "-p", port, "localhost"}
	if tickets {
		args = append(args, "--waitresumption") // for the ticket, which may come after the handshake
	}
	for p := range strings.SplitSeq(alpn, ",") {
		if p != "" {
			args = append(args, "--alpn="+p)
		}
	}
	r := harness.Run(t, "HEAD /sse?subscribe=a HTTP/1.0\r\n\r\n", gnutls, args...)
	if refused {
		if r.Code == 0 || !strings.Contains(r.Stdout+r.Stderr, "No supported application protocol could be negotiated") {
			t.Errorf("want the alert no_application_protocol, got %s", r)
		}
		return
	}
	if r.Code != 0 || !strings.Contains(r.Stdout, "- Resume Handshake was completed") {
		t.Errorf("want two handshakes, got %s", r)
	}
	if has := strings.Contains(r.Stdout, "This is a resumed session"); has != tickets {
		t.Errorf("resumed: %v, want %v: %s", has, tickets, r)
	}
	if has := strings.Contains(r.Stdout, "Application protocol: http/1.1"); has != (alpn != "") {
		t.Errorf("http/1.1 was agreed on: %v: %s", has, r)
	}
}
