package tls

import (
	"fmt"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

func TestACMEInTheSandbox(t *testing.T) {
	t.Parallel()
	harness.SkipUnlessRoot(t)
	d := withoutFiles(t)
	d.OpenToNobody()
	p := startPebble(t, d, func(c *pebbleConfig) { c.Profiles["default"] = pebbleProfile{"short", 15} })
	d.Args = append(d.Args, p.flags(d.Path("acme"), "push.example.org")...)
	d.Args = append(d.Args, "--user", fmt.Sprint(harness.Nobody), "--group", fmt.Sprint(harness.Nobody), "--sandbox", "strict")
	d.Run()
	first := p.certified(d, "push.example.org")
	answer := d.Sandbox()
	if answer.SelfCheck != "ok" || len(answer.ConnectPorts) != 2 || answer.ConnectPorts[0] != portOf(t, p.api) || answer.ConnectPorts[1] != 53 {
		t.Errorf("the daemon says %+v", answer)
	}
	// An order that fails on a slow machine is placed anew after a minute.
	if !harness.Poll(4*harness.Patience, func() bool {
		leaf, err := leafFor(d, "push.example.org", nil)
		return err == nil && !leaf.Equal(first)
	}) {
		t.Error("the certificate was not renewed")
	}
}
