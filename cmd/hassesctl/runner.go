package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// runner runs a command for each event, one after the other. While it runs the stream is not read: a daemon that
// has to wait too long ends it, and tail resumes after the last event.
type runner struct {
	p       *program
	command string
	env     []string
}

// newRunner hands on our environment. The room is only known when there is one: events do not say theirs.
func newRunner(p *program, command string, rooms []string) *runner {
	env := slices.DeleteFunc(slices.Clone(p.env.list), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return name == "HASSES_ID" || name == "HASSES_EVENT" || name == "HASSES_ROOM"
	})
	if len(rooms) == 1 && rooms[0] != "*" {
		env = append(env, "HASSES_ROOM="+rooms[0])
	}
	return &runner{p: p, command: command, env: env}
}

// run reports a command that fails, and goes on; only a shell that cannot be started ends tail.
func (r *runner) run(ctx context.Context, ev event) error {
	cmd := exec.CommandContext(ctx, "sh", "-c", r.command)
	cmd.Env = slices.Concat(r.env, []string{"HASSES_ID=" + ev.ID, "HASSES_EVENT=" + ev.Type})
	cmd.Stdin = strings.NewReader(ev.Data)
	cmd.Stdout, cmd.Stderr = r.p.out.w, r.p.err.w
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second // then it is killed
	err := cmd.Run()
	var failed *exec.ExitError
	switch {
	case err == nil, ctx.Err() != nil:
		return nil
	case errors.As(err, &failed), errors.Is(err, exec.ErrWaitDelay):
		r.p.err.printf("hassesctl: the command for event %s failed: %s\n", ev.ID, err)
		return nil
	}
	return fmt.Errorf("run the command for event %s: %w", ev.ID, err)
}
