package cluster

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// clusterPage is what dashboard_cluster.mjs reports.
type clusterPage struct {
	Kind, Name  string
	IsShown     bool
	Rows, Tiles []string
	Markup      int
	Pwned       bool
}

func watchCluster(t *testing.T, url string, nodes int) (next func(kind string) clusterPage) {
	t.Helper()
	p := harness.Launch(t, []string{"CHROMIUM=" + harness.Tool(t, "chromium")}, harness.Node(t), "../js/dashboard_cluster.mjs", url, strconv.Itoa(nodes))
	return func(kind string) clusterPage {
		t.Helper()
		line, _ := p.Line()
		var page clusterPage
		if err := json.Unmarshal([]byte(line), &page); err != nil || page.Kind != kind {
			t.Fatalf("%v: got %q, want %s", err, line, kind)
		}
		return page
	}
}

// TestT47DashboardOfACluster: the page shows the nodes and the log, and what a node calls itself stays text.
func TestT47DashboardOfACluster(t *testing.T) {
	w := newWorld(t, 1)
	flags, api := harness.WithAPI(t)
	n := w.addNode("watched", flags...)
	n.awaitReady()
	const evil = `<img src=x onerror="pwned=true"><b>`
	nc, _, err := w.brokers.connect()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	hello, err := json.Marshal(map[string]any{"node": evil, "boot": evil, "version": evil, "position": evil, "streams": 1})
	if err != nil {
		t.Fatal(err)
	}
	long, err := json.Marshal(map[string]any{"node": strings.Repeat("x", 1000), "boot": "x"})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() { // like a node, which any client with rights at the brokers could pretend to be
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			_ = nc.Publish("hassesd."+clusterName+".ctl.hello", hello)
			_ = nc.Publish("hassesd."+clusterName+".ctl.hello", long) // no node is called so
			_ = n.Try("send", map[string]any{"to": "a", "data": "hello"}, nil)
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	next := watchCluster(t, "http://"+api+"/", 5)
	page := next("shown")
	if !page.IsShown || page.Name != clusterName || page.Markup != 0 || page.Pwned {
		t.Errorf("the page: %+v", page)
	}
	row := func(name, state string) bool {
		return slices.ContainsFunc(page.Rows, func(row string) bool {
			cells := strings.Split(row, " | ")
			return len(cells) == 8 && cells[0] == name && cells[1] == state
		})
	}
	if !row("n0", "ready") || !row("watched (this one)", "ready") || !row(evil, "without the log") {
		t.Errorf("nodes %q", page.Rows)
	}
	if tiles := strings.Join(page.Tiles, "\n"); !strings.Contains(tiles, "This node | watched | nats://") || !strings.Contains(tiles, "Log | followed") ||
		!strings.Contains(tiles, "Behind | ") || !strings.Contains(tiles, "Epoch | ") || !strings.Contains(tiles, "Stored within | ") {
		t.Errorf("tiles %q", page.Tiles)
	}
	n.cut(refusing)
	if page = next("alarm"); !strings.Contains(strings.Join(page.Tiles, "\n"), "Log | not followed | the log is not followed") {
		t.Errorf("without the log: %q", page.Tiles)
	}
	n.cut(passing)
}
