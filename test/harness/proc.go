package harness

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var goroutine = regexp.MustCompile(`(?m)^goroutine \d+ .*\[`)

// Goroutines ends the process with SIGQUIT, upon which the runtime prints its goroutines, and returns their number.
func (d *Daemon) Goroutines() int {
	d.T.Helper()
	d.Signal(syscall.SIGQUIT)
	d.Wait(Patience)
	d.Log.Mu.Lock()
	defer d.Log.Mu.Unlock()
	n := len(goroutine.FindAll(d.Log.Buf.Bytes(), -1))
	if n == 0 {
		d.T.Fatalf("no goroutines in the log:\n%.2000s", d.Log.Buf.Bytes())
	}
	return n
}

// ProcStatus returns a field of /proc/<pid>/status.
func (d *Daemon) ProcStatus(field string) string {
	d.T.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.Cmd.Process.Pid))
	if err != nil {
		d.T.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && name == field {
			return strings.TrimSpace(value)
		}
	}
	d.T.Fatalf("no %s in /proc/%d/status", field, d.Cmd.Process.Pid)
	return ""
}

// clockTick is the unit of /proc/<pid>/stat on every Linux Go runs on.
const clockTick = 10 * time.Millisecond

// CPUTime returns the processor time the process has used.
func (d *Daemon) CPUTime() time.Duration {
	d.T.Helper()
	return CPUTime(d.T, d.Cmd.Process.Pid)
}

// CPUTime returns the processor time that a process has used.
func CPUTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	// The name of the program is in parentheses and may hold blanks; utime and stime are the 12th and 13th after it.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick
}

// ResidentBytes returns the process's resident memory in bytes.
func (d *Daemon) ResidentBytes() int64 {
	d.T.Helper()
	kb, err := strconv.ParseInt(strings.TrimSuffix(d.ProcStatus("VmRSS"), " kB"), 10, 64)
	if err != nil {
		d.T.Fatal(err)
	}
	return kb << 10
}
