package compat

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// rekeyed are clients of a daemon that changes its key every three records. Each prints the bytes of the response, or
// reports of events.
var rekeyed = []struct {
	name    string
	reports bool
	start   func(t *testing.T, d *harness.Daemon, url string) *harness.Program
}{
	{"openssl, AES-128-GCM", false, rekeyOpenSSL("-ciphersuites", "TLS_AES_128_GCM_SHA256")},
	{"openssl, AES-256-GCM", false, rekeyOpenSSL("-ciphersuites", "TLS_AES_256_GCM_SHA384")},
	{"openssl, ChaCha20-Poly1305", false, rekeyOpenSSL("-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256")},
	{"openssl, HelloRetryRequest", false, rekeyOpenSSL("-groups", "P-521:P-384")},
	{"gnutls-cli", false, func(t *testing.T, d *harness.Daemon, url string) *harness.Program {
		_, port := harness.SplitAddress(t, d.HTTPS)
		p := harness.Launch(t, nil, harness.Tool(t, "gnutls-cli"), "--x509cafile", d.CaFile, "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3", "-p", port, "localhost")
		ask(t, p, url)
		return p
	}},
	{"curl", false, rekeyCurl("--http1.1")},
	{"curl, HTTP/2", false, rekeyCurl("--http2")},
	{"Python", false, func(t *testing.T, d *harness.Daemon, url string) *harness.Program {
		return harness.Launch(t, []string{"SSL_CERT_FILE=" + d.CaFile}, harness.Tool(t, "python3"), "-u", "-c", pythonSubscriber, url)
	}},
	{"Go", true, func(t *testing.T, d *harness.Daemon, url string) *harness.Program {
		return launchGo(t, d, "gosse", url)
	}},
	{"Node", true, foreigners[1].start},
	{"Chromium", true, foreigners[0].start},
}

// pythonSubscriber prints the lines of a stream.
const pythonSubscriber = `
import sys, urllib.request
for line in urllib.request.urlopen(sys.argv[1]):
    sys.stdout.write(line.decode())
`

func rekeyOpenSSL(args ...string) func(t *testing.T, d *harness.Daemon, url string) *harness.Program {
	return func(t *testing.T, d *harness.Daemon, url string) *harness.Program {
		all := append([]string{"s_client", "-tls1_3", "-quiet", "-connect", d.HTTPS, "-CAfile", d.CaFile, "-verify_return_error", "-servername", "localhost"}, args...)
		p := harness.Launch(t, nil, harness.Tool(t, "openssl"), all...)
		ask(t, p, url)
		return p
	}
}

func rekeyCurl(version string) func(t *testing.T, d *harness.Daemon, url string) *harness.Program {
	return func(t *testing.T, d *harness.Daemon, url string) *harness.Program {
		return harness.Launch(t, nil, harness.Tool(t, "curl"), "--silent", "--show-error", "--no-buffer", version, "--cacert", d.CaFile, url)
	}
}

// ask writes the request of a client that is no HTTP client.
func ask(t *testing.T, p *harness.Program, url string) {
	t.Helper()
	_, rest, _ := strings.Cut(url, "://")
	_, path, _ := strings.Cut(rest, "/")
	if _, err := fmt.Fprintf(p.Stdin, "GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n", path); err != nil {
		t.Fatal(err)
	}
}

// TestKeyUpdatesAllTheTime sends each client events while the key changes every three records: more changes in a minute
// than a stream sees in a year. None may be lost, and all connections must have been handed over.
func TestKeyUpdatesAllTheTime(t *testing.T) {
	t.Parallel()
	daemon, err := harness.RekeyOften()
	if err != nil {
		t.Fatal(err)
	}
	const events = 25
	for _, client := range rekeyed {
		t.Run(client.name, func(t *testing.T) {
			t.Parallel()
			d := harness.Prepare(t, "--cors-origin", "*", "--cors-credentials=false", "--tls-records", "auto")
			d.Wrap = []string{daemon}
			d.Run()
			p := client.start(t, d, d.URL("subscribe=a"))
			d.AwaitStreams("a", 1)
			story := &listener{Program: p, seen: make(map[string]bool)}
			for i := range events {
				want := fmt.Sprint("event ", i)
				id := d.Send("a", want).ID
				if client.reports {
					story.wants("message", want)
					continue
				}
				p.Await("id: " + id)
				p.Await("data: " + want)
			}
			kept := d.Status().TLSRecords
			if kept["handed_over"] == 0 {
				t.Errorf("nothing was handed over: %v", kept)
			}
			for reason, n := range kept {
				if reason != "handed_over" && n > 0 {
					t.Errorf("%d connections kept: %s", n, reason)
				}
			}
		})
	}
}
