package compat

import (
	"io"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

func TestCurl(t *testing.T) {
	t.Parallel()
	curl := harness.Tool(t, "curl")
	d := harness.Start(t)
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"TLS 1.3", []string{"--tlsv1.3", "--cacert", d.CaFile, d.URL("subscribe=a&id=x")}},
		{"TLS 1.2", []string{"--tls-max", "1.2", "--cacert", d.CaFile, d.URL("subscribe=a&id=x")}},
		{"HTTP/2", []string{"--http2", "--cacert", d.CaFile, d.URL("subscribe=a&id=x")}},
		{"HTTP/2 with prior knowledge", []string{"--http2-prior-knowledge", "http://" + d.HTTP + "/sse?subscribe=a&id=x"}},
		{"HTTP/1.1", []string{"--http1.1", "--cacert", d.CaFile, d.URL("subscribe=a&id=x")}},
		{"HTTP/1.0", []string{"--http1.0", "--cacert", d.CaFile, d.URL("subscribe=a&id=x")}},
		{"plaintext", []string{"http://" + d.HTTP + "/sse?subscribe=a&id=x"}},
		{"star", []string{"-g", "--cacert", d.CaFile, d.URL("subscribe=*&id=x")}},
	} {
		// One after the other: they share the room.
		t.Run(tt.name, func(t *testing.T) {
			d := d.In(t)
			p := harness.Launch(t, nil, curl, append([]string{"--silent", "--show-error", "--no-buffer"}, tt.args...)...)
			if line, ok := p.Line(); !ok || !strings.HasPrefix(line, "retry: ") {
				t.Fatalf("first line %q, want retry:", line)
			}
			d.AwaitStreams("", 1)
			id := d.Send("a", "hello\ncurl").ID
			p.Await("id: " + id)
			p.Await("data: hello")
			p.Await("data: curl")
			d.Call("kick", harness.Object{"id": "x"}, nil)
			for {
				if _, ok := p.Line(); !ok {
					break
				}
			}
			if err := p.Cmd.Wait(); err != nil {
				t.Errorf("curl ended with %v; want a clean end of the stream", err)
			}
			d.AwaitStreams("", 0)
		})
	}
}

func TestCurlAnswers(t *testing.T) {
	t.Parallel()
	curl := harness.Tool(t, "curl")
	d := harness.Start(t, "--cors-origin", "https://www.example.org")
	for _, tt := range []struct {
		name string
		args []string
		want string // status
	}{
		{"HEAD", []string{"--head", d.URL("subscribe=a")}, "200 OK"},
		{"OPTIONS", []string{"-X", "OPTIONS", "-H", "Origin: https://www.example.org", d.URL("subscribe=a")}, "204 No Content"},
		{"404", []string{"https://" + d.HTTPS + "/nowhere"}, "404 Not Found"},
		{"405", []string{"-d", "x", d.URL("subscribe=a")}, "405 Method Not Allowed"},
		{"400", []string{"https://" + d.HTTPS + "/sse"}, "400 Bad Request"},
	} {
		code, _, _ := strings.Cut(tt.want, " ")
		for version, want := range map[string]string{"--http1.1": "HTTP/1.1 " + tt.want, "--http2": "HTTP/2 " + code + " "} {
			t.Run(tt.name+" "+version, func(t *testing.T) {
				t.Parallel()
				r := harness.Run(t, "", curl, append([]string{"--silent", "--show-error", "--include", version, "--cacert", d.CaFile}, tt.args...)...)
				if r.Code != 0 || !strings.HasPrefix(r.Stdout, want+"\r\n") {
					t.Errorf("want %q, got %s", want, r)
				}
			})
		}
	}
}

func TestOpenSSL(t *testing.T) {
	t.Parallel()
	openssl := harness.Tool(t, "openssl")
	d := harness.Start(t)
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		t.Run(version, func(t *testing.T) {
			d := d.In(t)
			p := harness.Launch(t, nil, openssl, "s_client", version, "-connect", d.HTTPS, "-CAfile", d.CaFile,
				"-verify_return_error", "-quiet", "-no_ign_eof", "-servername", "localhost")
			if _, err := io.WriteString(p.Stdin, "GET /sse?subscribe=a&id=x HTTP/1.0\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			p.Await("HTTP/1.0 200 OK")
			d.AwaitStreams("a", 1)
			d.Send("a", "hello openssl")
			p.Await("data: hello openssl")
			d.Call("kick", harness.Object{"id": "x"}, nil)
			for {
				if _, ok := p.Line(); !ok {
					break
				}
			}
		})
	}
	t.Run("TLS 1.1 is refused", func(t *testing.T) {
		t.Parallel()
		r := harness.Run(t, "", openssl, "s_client", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-connect", d.HTTPS)
		if r.Code == 0 {
			t.Errorf("a TLS 1.1 handshake succeeded: %s", r)
		}
	})
}
