package test

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// process is a program that runs beside the test; its standard output is read line by line.
type process struct {
	t     testing.TB
	stdin io.WriteCloser
	lines chan string // closed at the end of the output
	log   *logBuffer
	cmd   *exec.Cmd
}

// launch starts a program that is ended with the test.
func launch(t testing.TB, env []string, name string, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context())) // it outlives the test by the time of its end
	p := &process{t: t, lines: make(chan string, 1000), log: &logBuffer{}, cmd: exec.CommandContext(ctx, name, args...)}
	p.cmd.Env = environment(env...)
	p.cmd.Stderr = p.log
	p.cmd.WaitDelay = 5 * time.Second
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(p.lines)
		scanner := bufio.NewScanner(stdout)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			select {
			case p.lines <- scanner.Text():
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() {
		p.stdin.Close()
		ended := time.AfterFunc(5*time.Second, cancel)
		<-read
		_ = p.cmd.Wait()
		ended.Stop()
		cancel()
		if t.Failed() {
			t.Logf("standard error of %s:\n%s", name, p.log)
		}
	})
	return p
}

// line returns the next line of output; ok is false at its end.
func (p *process) line() (line string, ok bool) {
	p.t.Helper()
	select {
	case line, ok = <-p.lines:
		return line, ok
	case <-time.After(patience):
		p.t.Fatalf("%s printed nothing within %s", p.cmd.Path, patience)
		return "", false
	}
}

// await reads lines up to the one that is wanted.
func (p *process) await(want string) {
	p.t.Helper()
	var seen []string
	for {
		line, ok := p.line()
		if !ok {
			p.t.Fatalf("%s ended before %q; it printed:\n%s", p.cmd.Path, want, strings.Join(seen, "\n"))
		}
		if strings.TrimRight(line, "\r") == want {
			return
		}
		seen = append(seen, line)
	}
}

func TestCurl(t *testing.T) {
	t.Parallel()
	curl := tool(t, "curl")
	d := start(t)
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"TLS 1.3", []string{"--tlsv1.3", "--cacert", d.caFile, d.url("subscribe=a&id=x")}},
		{"TLS 1.2", []string{"--tls-max", "1.2", "--cacert", d.caFile, d.url("subscribe=a&id=x")}},
		{"HTTP/1.0", []string{"--http1.0", "--cacert", d.caFile, d.url("subscribe=a&id=x")}},
		{"plaintext", []string{"http://" + d.http + "/sse?subscribe=a&id=x"}},
		{"star", []string{"-g", "--cacert", d.caFile, d.url("subscribe=*&id=x")}},
	} {
		// One after the other: they share the room.
		t.Run(tt.name, func(t *testing.T) {
			d := d.in(t)
			p := launch(t, nil, curl, append([]string{"--silent", "--show-error", "--no-buffer"}, tt.args...)...)
			if line, ok := p.line(); !ok || !strings.HasPrefix(line, "retry: ") {
				t.Fatalf("first line %q, want retry:", line)
			}
			d.awaitStreams("", 1)
			id := d.send("a", "hello\ncurl").ID
			p.await("id: " + id)
			p.await("data: hello")
			p.await("data: curl")
			d.call("kick", object{"id": "x"}, nil)
			for {
				if _, ok := p.line(); !ok {
					break
				}
			}
			if err := p.cmd.Wait(); err != nil {
				t.Errorf("curl ended with %v; want a clean end of the stream", err)
			}
			d.awaitStreams("", 0)
		})
	}
}

func TestCurlAnswers(t *testing.T) {
	t.Parallel()
	curl := tool(t, "curl")
	d := start(t, "--cors-origin", "https://www.example.org")
	for _, tt := range []struct {
		name string
		args []string
		want string // in the head
	}{
		{"HEAD", []string{"--head", d.url("subscribe=a")}, "HTTP/1.1 200 OK"},
		{"OPTIONS", []string{"-X", "OPTIONS", "-H", "Origin: https://www.example.org", d.url("subscribe=a")}, "HTTP/1.1 204 No Content"},
		{"404", []string{"https://" + d.https + "/nowhere"}, "HTTP/1.1 404 Not Found"},
		{"405", []string{"-d", "x", d.url("subscribe=a")}, "HTTP/1.1 405 Method Not Allowed"},
		{"400", []string{"https://" + d.https + "/sse"}, "HTTP/1.1 400 Bad Request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := command(t, "", curl, append([]string{"--silent", "--show-error", "--include", "--cacert", d.caFile}, tt.args...)...)
			if r.code != 0 || !strings.HasPrefix(r.stdout, tt.want+"\r\n") {
				t.Errorf("want %q, got %s", tt.want, r)
			}
		})
	}
}

func TestOpenSSL(t *testing.T) {
	t.Parallel()
	openssl := tool(t, "openssl")
	d := start(t)
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		t.Run(version, func(t *testing.T) {
			d := d.in(t)
			p := launch(t, nil, openssl, "s_client", version, "-connect", d.https, "-CAfile", d.caFile,
				"-verify_return_error", "-quiet", "-no_ign_eof", "-servername", "localhost")
			if _, err := io.WriteString(p.stdin, "GET /sse?subscribe=a&id=x HTTP/1.0\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			p.await("HTTP/1.0 200 OK")
			d.awaitStreams("a", 1)
			d.send("a", "hello openssl")
			p.await("data: hello openssl")
			d.call("kick", object{"id": "x"}, nil)
			for {
				if _, ok := p.line(); !ok {
					break
				}
			}
		})
	}
	t.Run("TLS 1.1 is refused", func(t *testing.T) {
		t.Parallel()
		r := command(t, "", openssl, "s_client", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-connect", d.https)
		if r.code == 0 {
			t.Errorf("a TLS 1.1 handshake succeeded: %s", r)
		}
	})
}
