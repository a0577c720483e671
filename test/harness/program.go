package harness

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Program is a program that runs beside the test; its standard output is read line by line.
type Program struct {
	T     testing.TB
	Stdin io.WriteCloser
	Lines chan string // closed at the end of the output
	log   *Log
	Cmd   *exec.Cmd
}

// Launch starts a program. It is stopped when the test ends.
func Launch(t testing.TB, env []string, name string, args ...string) *Program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context())) // it outlives the test until its cleanup
	p := &Program{T: t, Lines: make(chan string, 1000), log: &Log{}, Cmd: exec.CommandContext(ctx, name, args...)}
	p.Cmd.Env = Environment(env...)
	p.Cmd.Stderr = p.log
	p.Cmd.WaitDelay = 5 * time.Second
	stdout, err := p.Cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.Stdin, err = p.Cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(p.Lines)
		scanner := bufio.NewScanner(stdout)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			select {
			case p.Lines <- scanner.Text():
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() {
		p.Stdin.Close()
		ended := time.AfterFunc(5*time.Second, cancel)
		<-read
		_ = p.Cmd.Wait()
		ended.Stop()
		cancel()
		if t.Failed() {
			t.Logf("standard error of %s:\n%s", name, p.log)
		}
	})
	return p
}

// Line returns the next line of output; ok is false at its end.
func (p *Program) Line() (line string, ok bool) {
	p.T.Helper()
	select {
	case line, ok = <-p.Lines:
		return line, ok
	case <-time.After(Patience):
		p.T.Fatalf("%s printed nothing within %s", p.Cmd.Path, Patience)
		return "", false
	}
}

// Await reads lines up to and including want.
func (p *Program) Await(want string) {
	p.T.Helper()
	var seen []string
	for {
		line, ok := p.Line()
		if !ok {
			p.T.Fatalf("%s ended before %q; it printed:\n%s", p.Cmd.Path, want, strings.Join(seen, "\n"))
		}
		if strings.TrimRight(line, "\r") == want {
			return
		}
		seen = append(seen, line)
	}
}
