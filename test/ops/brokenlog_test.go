package ops

import (
	"os"
	"syscall"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// TestTheDaemonOutlivesTheReaderOfItsLog proves that losing the reader of the log, as when a log
// collector restarts, costs the log and nothing else.
func TestTheDaemonOutlivesTheReaderOfItsLog(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	d.Screen, d.TTY = reader, writer
	d.Run()
	writer.Close() // the daemon has its own
	s := d.Subscribe("subscribe=a")
	reader.Close()
	d.Signal(syscall.SIGHUP)
	d.Call("reload", nil, nil) // which is logged in any case
	d.Send("a", "still here")
	harness.WantMessage(t, s, "still here")
	d.Stop()
}
