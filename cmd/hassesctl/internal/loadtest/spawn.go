package loadtest

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// spawnSelf starts this program once more as a worker of bench. The worker ends when its input
// does.
func spawnSelf(ctx context.Context) (io.ReadWriteCloser, int, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, 0, err
	}
	cmd := exec.Command(self, "__bench-worker")
	// An interrupt from the terminal goes to all processes in its foreground; the workers end with
	// their work.
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = 5 * time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, 0, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, 0, err
	}
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	if err := cmd.Start(); err != nil {
		return nil, 0, err
	}
	return &workerPipe{out, in, cmd}, cmd.Process.Pid, nil
}

// workerPipe is the pipe to a worker process.
type workerPipe struct {
	io.Reader
	in  io.WriteCloser
	cmd *exec.Cmd
}

func (w *workerPipe) Write(p []byte) (int, error) { return w.in.Write(p) }

// Close ends the worker and waits for it.
func (w *workerPipe) Close() error {
	return errors.Join(w.in.Close(), w.cmd.Wait())
}
