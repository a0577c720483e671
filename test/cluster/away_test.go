package cluster

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// While the log is out of reach a node is not ready, keeps its streams for a while, and goes on once the log is back.
func TestANodeWithoutTheLog(t *testing.T) {
	api := harness.FreeAddress(t)
	w := newWorld(t, 1)
	n := w.addNode("lonely", "--api-listen", "http://"+api)
	n.awaitReady()
	ready := func() int {
		answer, err := http.Get("http://" + api + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode
	}
	metric := func(line string) func() bool {
		return func() bool {
			answer, err := http.Get("http://" + api + "/metrics")
			if err != nil {
				return false
			}
			defer answer.Body.Close()
			var text bytes.Buffer
			_, _ = text.ReadFrom(answer.Body)
			return strings.Contains(text.String(), line)
		}
	}
	if got := ready(); got != http.StatusOK || !metric("hassesd_cluster_connected 1")() {
		t.Fatalf("readyz is %d while it follows the log", got)
	}
	s, at := n.subscribe("subscribe=a", "")
	n.cut(refusing)
	harness.Eventually(t, "readyz is 503", func() bool { return ready() == http.StatusServiceUnavailable })
	harness.Eventually(t, "the metric says so", metric("hassesd_cluster_connected 0"))
	began := time.Now()
	events, err := s.Rest()
	if err != nil || len(events) > 0 || time.Since(began) < time.Second {
		t.Errorf("the stream ended after %s with %v, %v", time.Since(began), events, err)
	}
	w.nodes[0].Call("send", map[string]any{"to": "a", "data": "meanwhile"}, nil)
	n.cut(passing)
	n.awaitReady()
	harness.Eventually(t, "readyz is 200", func() bool { return ready() == http.StatusOK })
	s, _ = n.subscribe("subscribe=a", at)
	harness.WantMessage(t, s, "meanwhile")
	var status struct {
		Closed  map[string]int `json:"closed"`
		Cluster struct {
			Node  string `json:"node"`
			Ready bool   `json:"ready"`
		} `json:"cluster"`
	}
	harness.Eventually(t, "status tells of it", func() bool {
		n.Call("status", nil, &status)
		return status.Closed["log_lost"] == 1 && status.Cluster.Node == "lonely" && status.Cluster.Ready
	})
}

// A client that subscribes as soon as readyz says that a node is ready gets a stream. Here a node
// starts, loses the log, and finds it again.
func TestAReadyNodeTakesStreams(t *testing.T) {
	api := harness.FreeAddress(t)
	w := newWorld(t, 1)
	n := w.addNode("early", "--api-listen", "http://"+api)
	awaitReadyz := func(want int) {
		t.Helper()
		for began := time.Now(); ; {
			answer, err := http.Get("http://" + api + "/readyz")
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode == want {
				return
			}
			if time.Since(began) > 30*time.Second {
				t.Fatalf("readyz is still %d", answer.StatusCode)
			}
		}
	}
	for range 2 {
		awaitReadyz(http.StatusOK)
		n.subscribe("subscribe=a", "") // fails if the node sends it away
		n.cut(refusing)
		awaitReadyz(http.StatusServiceUnavailable)
		s, err := subscriber.Open(t.Context(), n.request("subscribe=a", ""))
		for ; err == nil; s, err = subscriber.Open(t.Context(), n.request("subscribe=a", "")) {
			id, _ := s.Preface()
			s.Cut()
			if id == "" {
				break // new streams are deferred
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		n.cut(passing)
	}
	awaitReadyz(http.StatusOK)
	n.subscribe("subscribe=a", "")
}
