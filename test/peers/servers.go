package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// server is something to be measured.
type server struct {
	name  string
	tls   bool
	line  func(p place) (program string, args []string, err error)
	flags func(p place) []string // of hassesctl bench: where to subscribe and to publish
}

// place is where a server runs.
type place struct {
	bin  string
	dir  string
	cert certificate
	wire int // bytes that a delivery of hassesd takes on the wire; 0: not measured yet
}

// The addresses, below the range from which the kernel takes ports for outgoing connections.
const (
	subscribeAt = "127.0.0.1:18443"
	publishAt   = "127.0.0.1:18081"
	operatorsAt = "127.0.0.1:18083"

	// startTime is how long a server may take to listen, and to end.
	startTime = 20 * time.Second
)

//go:embed nginx.conf
var nginxConf string

func hassesd(name string, flags ...string) server {
	return server{
		name: name, tls: true,
		line: func(p place) (string, []string, error) {
			return filepath.Join(p.bin, "hassesd"), append([]string{
				"--auth", "none", "--listen", "https://" + subscribeAt, "--cert-file", p.cert.cert, "--key-file", p.cert.key,
				"--control-socket", socket(p), "--log-level", "quiet", "--drain-window", "0",
			}, flags...), nil
		},
		flags: func(p place) []string {
			return []string{"--socket", socket(p), "--url", "https://" + subscribeAt + "/sse?subscribe={room}"}
		},
	}
}

func socket(p place) string { return filepath.Join(p.dir, "control.sock") }

func overHTTP(scheme string) func(place) []string {
	return func(place) []string {
		return []string{"--url", scheme + "://" + subscribeAt + "/sub?ch={room}", "--publish-url", "http://" + publishAt + "/pub?ch={room}"}
	}
}

// The key of publishers over HTTP, and where hassesd takes them without TLS.
const (
	publishKey     = "key-of-the-publishers-of-the-benchmark"
	publishPlainAt = "127.0.0.1:18082"
)

// publishing is hassesd with POST.
var publishing = server{
	name: own, tls: true,
	line: func(p place) (string, []string, error) {
		program, args, err := hassesd(own).line(p)
		if err != nil {
			return "", nil, err
		}
		key, conf := filepath.Join(p.dir, "publish.key"), filepath.Join(p.dir, "hassesd.toml")
		if err := os.WriteFile(key, []byte(publishKey+"\n"), 0o600); err != nil {
			return "", nil, err
		}
		text := fmt.Sprintf("[publish]\nhttp = true\n[[control.key]]\nid = \"bench\"\nrole = \"publish\"\nfile = %q\n", key)
		return program, append([]string{"--config", conf, "--plaintext", "--listen", "http://" + publishPlainAt}, args...), os.WriteFile(conf, []byte(text), 0o600)
	},
	flags: func(p place) []string {
		return append(hassesd(own).flags(p), "--publish-url", "http://"+publishPlainAt+"/sse?to={room}", "--publish-header", "Authorization: Bearer "+publishKey)
	},
}

// nethttpPublishing checks what hassesd checks, and lets events wait as long as hassesd does.
var nethttpPublishing = server{
	name: "net/http", tls: true,
	line: func(p place) (string, []string, error) {
		program, args, err := nethttp.line(p)
		return program, append(args, "-token", publishKey, "-behind", "100000"), err
	},
	flags: func(p place) []string {
		return append(nethttp.flags(p), "--publish-header", "Authorization: Bearer "+publishKey)
	},
}

var nethttp = server{name: "net/http", tls: true, flags: overHTTP("https"), line: func(p place) (string, []string, error) {
	return filepath.Join(p.bin, "nethttp"), []string{"-listen", subscribeAt, "-publish", publishAt, "-cert", p.cert.cert, "-key", p.cert.key}, nil
}}

// bareWrite writes on as many threads.
func bareWrite(name string, threads int) server {
	return server{name: name, flags: overHTTP("http"), line: func(p place) (string, []string, error) {
		if p.wire == 0 {
			return "", nil, errors.New("it is not known yet what a delivery of hassesd takes on the wire")
		}
		return filepath.Join(p.bin, "bare"), []string{
			"-listen", subscribeAt, "-publish", publishAt, "-bytes", strconv.Itoa(p.wire), "-threads", strconv.Itoa(threads),
		}, nil
	}}
}

func nginx(workers int) server {
	return server{
		name: fmt.Sprintf("nginx+nchan %d", workers), tls: true, flags: overHTTP("https"),
		line: func(p place) (string, []string, error) {
			var limit unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
				return "", nil, err
			}
			conf := strings.NewReplacer(
				"@WORKERS@", strconv.Itoa(workers), "@FILES@", strconv.FormatUint(min(limit.Max, 1<<20), 10),
				"@CONNECTIONS@", strconv.FormatUint(2*min(limit.Max, 1<<20), 10), "@DIR@", p.dir,
				"@CERT@", p.cert.cert, "@KEY@", p.cert.key, "@SUBSCRIBE@", subscribeAt, "@PUBLISH@", publishAt,
			).Replace(nginxConf)
			file := filepath.Join(p.dir, "nginx.conf")
			return "nginx", []string{"-c", file, "-e", filepath.Join(p.dir, "error.log")}, os.WriteFile(file, []byte(conf), 0o644)
		},
	}
}

// process is a running server.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when err is set
	err   error
}

// start runs the server and waits until it listens.
func (s server) start(ctx context.Context, p place) (*process, error) {
	program, args, err := s.line(p)
	if err != nil {
		return nil, err
	}
	var log bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGTERM}
	cmd.WaitDelay = startTime
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	running := &process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		running.err = cmd.Wait()
		close(running.ended)
	}()
	deadline, tick := time.After(startTime), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-running.ended:
			return nil, fmt.Errorf("it ended at once: %w\n%s", running.err, log.String())
		case <-deadline:
			running.stop()
			return nil, fmt.Errorf("it does not listen on %s", subscribeAt)
		case <-ctx.Done():
			running.stop()
			return nil, ctx.Err()
		case <-tick.C:
			if c, err := net.Dial("tcp", subscribeAt); err == nil {
				c.Close()
				return running, nil
			}
		}
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the server, and its workers if it has any.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(unix.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(startTime):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// command runs a program to its end and returns what it has written. Its error tells the last line of the others.
func command(ctx context.Context, program string, args ...string) ([]byte, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
		err = fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	return out.Bytes(), err
}
