package compat

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// TestHassesLog: a daemon started with hasses' own spellings logs as hasses did, so that scripts
// which read the output of `status` and `clientlist` in the log still work.
func TestHassesLog(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t, "-murl=/sse")
	file := d.Path("hasses.log")
	d.Args = append(d.Args, "-l="+file)
	d.Run()
	r := d.Request("subscribe=room624-room7&id=x")
	r.Header = []string{"User-Agent: agent-x"}
	d.Open(r)
	for _, command := range []string{"status", "clientlist", "numberofclients", "subscribedclients:room624"} {
		harness.WriteFile(t, d.FIFO, []byte(command+"\n"))
	}
	// Each line, wherever it comes from, begins as hasses' did; what was asked for has nothing else in it.
	const stamp = `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d hasses: `
	wanted := []string{
		`starting version=.*`, `------- status of hasses -------`, `Pid: \d+`, `Current registred SSE clients: 1`, `------------- end --------------`,
		`List of clients:`, `#1 - <\d+> info: 127\.0\.0\.1:\d+ S:SSE Err: 0 Messages: \d+ Reinit: 0 SSL:Yes`,
		`  Connection time: \d\d:\d\d:\d\d  Handshaked time: \d\d:\d\d:\d\d UniqId:x`, `  Agent: agent-x`, `  Subscribes: room624,room7`,
		`Number of connected clients: \d+`, `Client count subscribed for "room624": 1`,
	}
	for _, line := range wanted {
		is := regexp.MustCompile(`(?m)^` + stamp + line + `$`)
		harness.Eventually(t, "the line "+line, func() bool {
			text, err := os.ReadFile(file)
			return err == nil && is.Match(text)
		})
	}
	d.Stop()
	text := harness.ReadFile(t, file)
	each := regexp.MustCompile(`^` + stamp)
	for line := range strings.Lines(string(text)) {
		if !each.MatchString(line) {
			t.Errorf("a line of the log is %q", line)
		}
	}
}
