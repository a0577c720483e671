package core

import (
	"syscall"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// TestTailShowsWhoItIs lets hassesctl tail subscribe with a token and with URLs that it signs
// itself.
func TestTailShowsWhoItIs(t *testing.T) {
	t.Parallel()
	d := harness.Guarded(t)
	d.Run()
	harness.WriteFile(t, d.Path("token"), []byte(d.Mint("--key-file", d.Path("jwt.key"), "--kid", "web", "--room", "a")+"\n"))
	for _, flags := range [][]string{{"--token-file", d.Path("token")}, {"--key-file", d.Path("url.key"), "--kid", "2026"}} {
		p := harness.Launch(t, nil, harness.Hassesctl, append([]string{"tail", "--url", "https://" + d.HTTPS + "/sse", "--ca", d.CaFile, "a"}, flags...)...)
		d.AwaitStreams("a", 1)
		d.Send("a", "hello")
		if line, ok := p.Line(); !ok || line != "hello" {
			t.Errorf("%v: got %q", flags, line)
		}
		d.Call("kick", harness.Object{"all": true}, nil) // and it comes back with a signature of its own
		harness.Eventually(t, "tail is back", func() bool { return d.Streams("a") == 1 })
		_ = p.Cmd.Process.Signal(syscall.SIGTERM)
		d.AwaitStreams("a", 0)
	}
	if r := harness.Run(t, "", harness.Hassesctl, "tail", "--url", "https://"+d.HTTPS+"/sse", "--ca", d.CaFile, "b", "--token-file", d.Path("token")); r.Code != 4 {
		t.Errorf("a room that is not granted: %s", r)
	}
}
