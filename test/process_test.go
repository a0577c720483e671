package test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// procStatus returns a field of /proc/<pid>/status.
func (d *daemon) procStatus(field string) string {
	d.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		d.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && name == field {
			return strings.TrimSpace(value)
		}
	}
	d.t.Fatalf("no %s in /proc/%d/status", field, d.cmd.Process.Pid)
	return ""
}

// clockTick is the unit of /proc/<pid>/stat on every Linux Go runs on.
const clockTick = 10 * time.Millisecond

// cpu returns the processor time the process has used.
func (d *daemon) cpu() time.Duration {
	d.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
	if err != nil {
		d.t.Fatal(err)
	}
	// The name of the program is in parentheses and may hold blanks; utime and stime are the 12th and 13th after it.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			d.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick
}

// skipUnlessRoot is for what only root can set up.
func skipUnlessRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give up root")
	}
}

// resident returns the process's resident memory in bytes.
func (d *daemon) resident() int64 {
	d.t.Helper()
	kb, err := strconv.ParseInt(strings.TrimSuffix(d.procStatus("VmRSS"), " kB"), 10, 64)
	if err != nil {
		d.t.Fatal(err)
	}
	return kb << 10
}
