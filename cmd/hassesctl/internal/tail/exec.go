package tail

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/eventsource"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
)

// runner runs a command for each event, one after the other. While the command runs, nobody reads
// the stream: a daemon that has to wait too long ends it, and tail resumes after the last event.
type runner struct {
	s       *session.Session
	command string
	env     []string
}

// newRunner returns a runner whose commands inherit our environment. Events do not carry their
// room, so that it is known only if there is one.
func newRunner(s *session.Session, command string, rooms []string) *runner {
	env := slices.DeleteFunc(slices.Clone(s.Env.List), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return name == "HASSES_ID" || name == "HASSES_EVENT" || name == "HASSES_ROOM"
	})
	if len(rooms) == 1 && rooms[0] != "*" {
		env = append(env, "HASSES_ROOM="+rooms[0])
	}
	return &runner{s: s, command: command, env: env}
}

// run runs the command. It reports a command that fails; only a shell that cannot be started is an
// error.
func (r *runner) run(ctx context.Context, ev eventsource.Event) error {
	cmd := exec.CommandContext(ctx, "sh", "-c", r.command)
	cmd.Env = slices.Concat(r.env, []string{"HASSES_ID=" + ev.ID, "HASSES_EVENT=" + ev.Type})
	cmd.Stdin = strings.NewReader(ev.Data)
	cmd.Stdout, cmd.Stderr = r.s.Out.Writer(), r.s.Err.Writer()
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second // then it is killed
	err := cmd.Run()
	var failed *exec.ExitError
	switch {
	case err == nil, ctx.Err() != nil:
		return nil
	case errors.As(err, &failed), errors.Is(err, exec.ErrWaitDelay):
		r.s.Note("the command for event %s failed: %s", ev.ID, err)
		return nil
	}
	return fmt.Errorf("run the command for event %s: %w", ev.ID, err)
}
