package test

import (
	"os"
	"syscall"
	"testing"
)

// TestTheDaemonOutlivesTheReaderOfItsLog proves that a log which nobody reads any more, as after a restart of what collects
// logs, costs the log and nothing else.
func TestTheDaemonOutlivesTheReaderOfItsLog(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	d.screen, d.tty = reader, writer
	d.run()
	writer.Close() // the daemon has its own
	s := d.subscribe("subscribe=a")
	reader.Close()
	d.signal(syscall.SIGHUP)
	d.call("reload", nil, nil) // which is logged in any case
	d.send("a", "still here")
	message(t, s, "still here")
	d.signal(syscall.SIGTERM)
	if code := d.wait(patience); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}
