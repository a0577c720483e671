package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hassesd/hassesd/test/subscriber"
)

// TestLifeInTheSandbox plays what a daemon does in months, with the kernel ready to kill it at the first refused call.
func TestLifeInTheSandbox(t *testing.T) {
	t.Parallel()
	for _, debug := range []string{"asyncpreemptoff=0", "asyncpreemptoff=1"} {
		t.Run("GODEBUG="+debug, func(t *testing.T) {
			t.Parallel()
			d := prepareForNobody(t)
			write(t, d.path("hassesd.toml"), []byte("retry = \"200ms\"\n"))
			d.giveFiles()
			logs := d.path("logs")
			if err := os.Mkdir(logs, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(logs, nobody, nobody); err != nil {
				t.Fatal(err)
			}
			d.args = append(d.args, "--config", d.path("hassesd.toml"), "--pid-file", d.path("pid"), "--log-file", filepath.Join(logs, "log"))
			d.wrap = []string{"env", "GODEBUG=" + debug, hassesd}
			d.run()
			if answer := d.sandbox(); answer.SelfCheck != "ok" || len(answer.missing()) > 0 {
				t.Fatalf("the daemon says %+v", answer)
			}
			d.liveThrough(logs)
			d.signal(os.Interrupt)
			if code := d.wait(patience); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// liveThrough serves many, publishes at every door, and takes over renewed certificates, settings and a rotated log.
func (d *daemon) liveThrough(logs string) {
	t := d.t
	const visitors = 60
	var streams []*subscriber.Stream
	for range visitors {
		streams = append(streams, d.subscribe("subscribe=a"))
	}
	renewed := d.ca.make(t, nil)
	renewed.place(t, d) // by renaming, as certbot does
	write(t, d.path("hassesd.toml"), []byte("retry = \"300ms\"\n"))
	d.giveFiles()
	if err := os.Rename(filepath.Join(logs, "log"), filepath.Join(logs, "log.1")); err != nil {
		t.Fatal(err)
	}
	d.signal(syscall.SIGHUP)
	eventually(t, "the log is opened anew", func() bool {
		text, err := os.ReadFile(filepath.Join(logs, "log"))
		return err == nil && strings.Contains(string(text), "msg=reloaded")
	})
	if !d.shown().Equal(renewed.leaf) {
		t.Error("the renewed certificate was not taken over")
	}
	for _, network := range []string{"unix", "tcp"} {
		c := d.classic(network)
		c.say("a=over " + network + ";")
		for _, s := range streams {
			message(t, s, "over "+network)
		}
	}
	for i := range 50 {
		d.send("a", fmt.Sprint(i))
		for _, s := range streams {
			message(t, s, fmt.Sprint(i))
		}
	}
	for _, s := range streams[:visitors/2] {
		s.Close()
	}
	d.awaitStreams("a", visitors/2)
	if r := d.ctl("status"); r.code != 0 || !strings.Contains(r.stdout, "user nobody (uid 65534)") {
		t.Errorf("hassesctl status: %s", r)
	}
}

func TestACMEInTheSandbox(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t)
	d := withoutFiles(t)
	d.openToNobody()
	p := startPebble(t, d, func(c *pebbleConfig) { c.Profiles["default"] = pebbleProfile{"short", 15} })
	d.args = append(d.args, p.flags(d.path("acme"), "push.example.org")...)
	d.args = append(d.args, "--user", fmt.Sprint(nobody), "--group", fmt.Sprint(nobody), "--sandbox", "strict")
	d.run()
	first := p.certified(d, "push.example.org")
	answer := d.sandbox()
	if answer.SelfCheck != "ok" || len(answer.ConnectPorts) != 2 || answer.ConnectPorts[0] != portOf(t, p.api) || answer.ConnectPorts[1] != 53 {
		t.Errorf("the daemon says %+v", answer)
	}
	// An order that fails on a slow machine is placed anew after a minute.
	if !poll(4*patience, func() bool {
		leaf, err := d.leafFor("push.example.org", nil)
		return err == nil && !leaf.Equal(first)
	}) {
		t.Error("the certificate was not renewed")
	}
}
