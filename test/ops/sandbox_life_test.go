package ops

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// TestLifeInTheSandbox does what a daemon does in months, while the kernel kills it at the first
// forbidden system call.
func TestLifeInTheSandbox(t *testing.T) {
	t.Parallel()
	for _, debug := range []string{"asyncpreemptoff=0", "asyncpreemptoff=1"} {
		t.Run("GODEBUG="+debug, func(t *testing.T) {
			t.Parallel()
			d := prepareForNobody(t)
			harness.WriteFile(t, d.Path("hassesd.toml"), []byte("retry = \"200ms\"\n"))
			d.GiveFiles()
			logs := d.Path("logs")
			if err := os.Mkdir(logs, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(logs, harness.Nobody, harness.Nobody); err != nil {
				t.Fatal(err)
			}
			d.Args = append(d.Args, "--config", d.Path("hassesd.toml"), "--pid-file", d.Path("pid"), "--log-file", filepath.Join(logs, "log"))
			d.Wrap = []string{"env", "GODEBUG=" + debug, harness.Hassesd}
			d.Run()
			if answer := d.Sandbox(); answer.SelfCheck != "ok" || len(answer.Missing()) > 0 {
				t.Fatalf("the daemon says %+v", answer)
			}
			liveThrough(d, logs)
			d.Signal(os.Interrupt)
			if code := d.Wait(harness.Patience); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// liveThrough serves many streams, publishes through every listener, and reloads renewed
// certificates, settings and a rotated log.
func liveThrough(d *harness.Daemon, logs string) {
	t := d.T
	const visitors = 60
	var streams []*subscriber.Stream
	for range visitors {
		streams = append(streams, d.Subscribe("subscribe=a"))
	}
	renewed := d.CA.Make(t, nil)
	renewed.Install(t, d) // by renaming, as certbot does
	harness.WriteFile(t, d.Path("hassesd.toml"), []byte("retry = \"300ms\"\n"))
	d.GiveFiles()
	if err := os.Rename(filepath.Join(logs, "log"), filepath.Join(logs, "log.1")); err != nil {
		t.Fatal(err)
	}
	d.Signal(syscall.SIGHUP)
	harness.Eventually(t, "the log is opened anew", func() bool {
		text, err := os.ReadFile(filepath.Join(logs, "log"))
		return err == nil && strings.Contains(string(text), "msg=reloaded")
	})
	if !d.ServedCertificate().Equal(renewed.Leaf) {
		t.Error("the renewed certificate was not taken over")
	}
	for _, network := range []string{"unix", "tcp"} {
		c := d.Classic(network)
		c.Say("a=over " + network + ";")
		for _, s := range streams {
			harness.WantMessage(t, s, "over "+network)
		}
	}
	for i := range 50 {
		d.Send("a", fmt.Sprint(i))
		for _, s := range streams {
			harness.WantMessage(t, s, fmt.Sprint(i))
		}
	}
	for _, s := range streams[:visitors/2] {
		s.Close()
	}
	d.AwaitStreams("a", visitors/2)
	if r := d.Ctl("status"); r.Code != 0 || !strings.Contains(r.Stdout, "user nobody (uid 65534)") {
		t.Errorf("hassesctl status: %s", r)
	}
}
