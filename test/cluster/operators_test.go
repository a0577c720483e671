package cluster

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// What operators ask of all nodes.
func TestNodesTogether(t *testing.T) {
	w := newWorld(t, 1)
	var streams []*subscriber.Stream
	for i, n := range w.nodes {
		for range i + 1 {
			s, _ := n.subscribe("subscribe=a&id=x", "")
			streams = append(streams, s)
		}
	}
	type asked struct {
		Asked, Answered int
		Missing         []string
	}
	var count struct {
		Streams int
		Nodes   asked
	}
	harness.Eventually(t, "all nodes count", func() bool {
		w.nodes[0].Call("count", map[string]any{"cluster": true}, &count)
		return count.Streams == 6 && count.Nodes.Asked == 3 && count.Nodes.Answered == 3
	})
	harness.Eventually(t, "they count the streams of a room", func() bool {
		w.nodes[1].Call("count", map[string]any{"room": "a", "cluster": true}, &count)
		return count.Streams == 6 && count.Nodes.Asked == 3
	})
	var status struct {
		Streams int
		Nodes   asked
	}
	harness.Eventually(t, "status adds up", func() bool {
		w.nodes[2].Call("status", map[string]any{"cluster": true}, &status)
		return status.Streams == 6 && status.Nodes.Answered == 3
	})
	var nodes struct {
		Cluster string
		Nodes   []struct {
			Node    string
			Streams int
			Ready   bool
			Self    bool
		}
	}
	harness.Eventually(t, "the nodes know each other", func() bool {
		w.nodes[1].Call("nodes", nil, &nodes)
		return len(nodes.Nodes) == 3 && nodes.Nodes[0].Streams == 1 && nodes.Nodes[2].Streams == 3
	})
	if nodes.Cluster != clusterName || nodes.Nodes[0].Node != "n0" || !nodes.Nodes[0].Ready || !nodes.Nodes[1].Self || nodes.Nodes[2].Self {
		t.Errorf("nodes: %+v", nodes)
	}
	if r := w.nodes[0].Ctl("nodes"); r.Code != 0 || !strings.Contains(r.Stdout, "n2") || !strings.Contains(r.Stdout, "n0 (this one)") {
		t.Errorf("hassesctl nodes: %s", r)
	}
	if r := w.nodes[0].Ctl("count", "--cluster", "a"); r.Stdout != "6\n" {
		t.Errorf("hassesctl count --cluster: %s", r)
	}

	var all struct {
		Rooms []struct {
			Room    string
			Streams int
		}
		Total int
	}
	w.nodes[0].Call("rooms", map[string]any{"cluster": true}, &all)
	if all.Total != 1 || all.Rooms[0].Streams != 6 {
		t.Errorf("rooms of all nodes: %+v", all)
	}
	seen := map[string]int{}
	for params := map[string]any{"cluster": true, "limit": 2, "room": "a"}; ; {
		var page struct {
			Clients []struct {
				Node string
				Conn int
			}
			Total  int
			Cursor string `json:"next_cursor"`
		}
		w.nodes[1].Call("clients", params, &page)
		for _, c := range page.Clients {
			seen[fmt.Sprint(c.Node, c.Conn)]++
		}
		if page.Total != 6 || len(page.Clients) > 2 {
			t.Errorf("clients of all nodes: %+v", page)
		}
		if params["cursor"] = page.Cursor; page.Cursor == "" {
			break
		}
	}
	if len(seen) != 6 {
		t.Errorf("clients of all nodes: %v", seen)
	}
	if r := w.nodes[0].Ctl("clients", "--cluster"); r.Code != 0 || strings.Count(r.Stdout, "n2 ") != 3 {
		t.Errorf("hassesctl clients --cluster: %s", r)
	}

	// A kick reaches all nodes, and one that was away learns what is refused.
	w.nodes[2].cut(refusing)
	harness.Eventually(t, "two nodes are left", func() bool {
		w.nodes[0].Call("nodes", nil, &nodes)
		return len(nodes.Nodes) == 2
	})
	var kicked struct{ Kicked int }
	w.nodes[0].Call("kick", map[string]any{"id": "x", "refuse_seconds": 3600}, &kicked)
	if kicked.Kicked != 3 {
		t.Errorf("%d streams were kicked, want those of two nodes", kicked.Kicked)
	}
	w.nodes[2].cut(passing)
	for _, s := range streams {
		if _, err := s.Rest(); err != nil {
			t.Errorf("a kicked stream ends with %v", err)
		}
	}
	w.nodes[2].awaitReady()
	for _, n := range w.nodes {
		s, err := subscriber.Open(t.Context(), n.request("subscribe=a&id=x", ""))
		if err != nil {
			t.Fatal(err)
		}
		if id, err := s.Preface(); err != nil || id != "" {
			t.Errorf("a client that is refused gets a stream at %q, %v", id, err)
		}
		s.Cut()
	}

	// A node that stops answering is named, and waited for only once in a list of several pages.
	w.nodes[1].Signal(syscall.SIGSTOP)
	defer w.nodes[1].Signal(syscall.SIGCONT)
	w.nodes[0].Call("count", map[string]any{"cluster": true}, &count)
	if count.Nodes.Answered != 2 || !slices.Equal(count.Nodes.Missing, []string{"n1"}) {
		t.Errorf("with a node that does not answer: %+v", count.Nodes)
	}
	for range 5 {
		w.nodes[0].subscribe("subscribe=b", "")
	}
	began, pages := time.Now(), 0
	for params := map[string]any{"cluster": true, "limit": 1, "room": "b"}; ; pages++ {
		var page struct {
			Clients []struct{ Node string }
			Nodes   asked
			Cursor  string `json:"next_cursor"`
		}
		w.nodes[0].Call("clients", params, &page)
		if !slices.Equal(page.Nodes.Missing, []string{"n1"}) {
			t.Errorf("page %d: %+v", pages, page.Nodes)
		}
		if params["cursor"] = page.Cursor; page.Cursor == "" {
			break
		}
	}
	if took := time.Since(began); pages < 4 || took > 3*time.Second {
		t.Errorf("%d pages took %s", pages+1, took)
	}
}

// Others see that a node drains, and then that it is gone.
func TestADrainIsSeenByOthers(t *testing.T) {
	w := newWorld(t, 1)
	s, _ := w.nodes[2].subscribe("subscribe=a", "")
	if r := w.nodes[2].Ctl("drain", "--window", "4s"); r.Code != 0 {
		t.Fatalf("hassesctl drain: %s", r)
	}
	rows := func() []string {
		r := w.nodes[0].Ctl("nodes")
		return slices.DeleteFunc(strings.Split(r.Stdout, "\n"), func(row string) bool { return !strings.HasPrefix(row, "n") })
	}
	harness.Eventually(t, "n2 drains", func() bool {
		all := rows()
		return len(all) == 3 && strings.Contains(all[2], "draining") && strings.Contains(all[0], "ready") && strings.Contains(all[1], "ready")
	})
	if _, err := s.Rest(); err != nil {
		t.Errorf("the stream ends with %v", err)
	}
	if code := w.nodes[2].Wait(harness.Patience); code != 0 {
		t.Errorf("n2 ends with %d", code)
	}
	if log := w.nodes[2].Log.Whole(); strings.Contains(log, "out of reach") {
		t.Error("n2 warns that the log is out of reach, because it ends")
	}
	harness.Eventually(t, "n2 is gone", func() bool { return len(rows()) == 2 })
}
