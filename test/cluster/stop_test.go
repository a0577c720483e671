package cluster

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// A node is told to stop while publishers at every door wait for a broker that has stopped. It tells all of them that the
// message may have been published, and ends in time.
func TestANodeStopsWhilePublishersWait(t *testing.T) {
	const window, lastWait = 200 * time.Millisecond, 2 * time.Second // as docs/cluster.md says
	b := harness.StartBroker(t, "")
	operators := harness.FreeAddress(t)
	n := &node{Daemon: harness.Publishing(t, "--cluster-name", clusterName, "--cluster-nats", "nats://"+b.Address, "--api-listen", "http://"+operators, "--drain-window", window.String())}
	n.Run()
	n.awaitReady()
	b.Freeze()
	type answer struct{ door, code, message string }
	answers := make(chan answer, 4)
	post := func(door string, c *http.Client, url string) {
		a, err := n.TryPostAt(c, url, "text/plain", strings.NewReader("x"))
		if err != nil || a.Error == nil || a.Status != http.StatusServiceUnavailable {
			answers <- answer{door: door, message: fmt.Sprint(a.Text, " ", err)}
			return
		}
		answers <- answer{door, a.Code(), a.Error.Message}
	}
	go post("HTTP/1.1", n.HTTPClient(false), n.URL("to=a"))
	go post("HTTP/2", n.HTTPClient(true), n.URL("to=a"))
	go post("api.listen", n.HTTPClient(false), "http://"+operators+"/sse?to=a")
	rpc, err := harness.DialRPC("unix", n.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer rpc.Close()
	go func() {
		a := answer{door: "control"}
		if err := rpc.Call("send", map[string]any{"to": "a", "data": "x"}, nil); harness.ErrorCode(err) == -32002 {
			a.code, a.message = "overloaded", err.Error()
		} else {
			a.message = fmt.Sprint(err)
		}
		answers <- a
	}()
	pause(time.Second) // so that all of them wait
	n.Signal(syscall.SIGTERM)
	began := time.Now()
	if code := n.Wait(harness.Patience); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if took := time.Since(began); took > window+lastWait+time.Second {
		t.Errorf("the end took %s", took)
	}
	for range cap(answers) {
		if a := <-answers; a.code != "overloaded" || !strings.Contains(a.message, "may have been published") {
			t.Errorf("the publisher at %s got the code %q and %q", a.door, a.code, a.message)
		}
	}
}
