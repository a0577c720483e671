package cluster

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// subscribe opens a stream at a node and reads its first frame.
func (n *node) subscribe(query, lastEventID string) (s *subscriber.Stream, preface string) {
	n.T.Helper()
	s, err := subscriber.Open(n.T.Context(), n.request(query, lastEventID))
	if err != nil {
		n.T.Fatal(err)
	}
	n.T.Cleanup(func() { s.Cut() })
	if preface, err = s.Preface(); err != nil || preface == "" {
		n.T.Fatalf("the stream begins with %q, %v", preface, err)
	}
	return s, preface
}

// A stream of 20 rooms that moves to another node in the middle of a burst gets exactly the rest, a thousand times.
func TestResumeAtAnotherNodeInABurst(t *testing.T) {
	w := newWorld(t, 1)
	const hops, names = 1000, 20
	var query []string
	for i := range names {
		query = append(query, fmt.Sprintf("room=burst%d", i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	published := make(chan error, 1)
	go func() {
		rpc, err := harness.DialRPC("unix", w.nodes[0].Socket)
		for i := 0; err == nil && ctx.Err() == nil; i++ {
			err = rpc.Call("send", map[string]any{"to": fmt.Sprintf("burst%d", i%names), "data": fmt.Sprint(i)}, nil)
			if i%100 == 99 {
				pause(time.Millisecond) // and the next burst
			}
		}
		published <- err
	}()
	next, last := -1, ""
	for hop := range hops {
		n := w.nodes[hop%len(w.nodes)]
		s, err := subscriber.Open(ctx, n.request(strings.Join(query, "&"), last))
		if err != nil {
			t.Fatal(err)
		}
		if preface, err := s.Preface(); err != nil || preface == "" || last != "" && preface != last {
			t.Fatalf("hop %d: resumed at %q, and the stream begins at %q, %v", hop, last, preface, err)
		}
		for range 1 + hop%30 {
			e, err := s.Next()
			if err != nil {
				t.Fatalf("hop %d: %v", hop, err)
			}
			if e.Name == "hasses.gap" || next >= 0 && e.Data != fmt.Sprint(next) {
				t.Fatalf("hop %d: %s %q came, and %d was next", hop, e.Name, e.Data, next)
			}
			if next, err = strconv.Atoi(e.Data); err != nil {
				t.Fatal(err)
			}
			next++
			last = e.ID
		}
		s.Cut()
	}
	t.Logf("%d hops, %d events, each once", hops, next)
	cancel()
	if err := <-published; err != nil {
		t.Error(err)
	}
}

// A key makes a message come once, whichever nodes it is published at.
func TestKeysHoldAtAllNodes(t *testing.T) {
	w := newWorld(t, 1)
	s, _ := w.nodes[2].subscribe("subscribe=a", "")
	var first struct {
		ID        string `json:"id"`
		Duplicate bool   `json:"duplicate"`
	}
	for i, n := range []*node{w.nodes[0], w.nodes[1], w.nodes[0], w.nodes[2]} {
		got := first
		n.Call("send", map[string]any{"to": "a", "data": "once", "key": "k1"}, &got)
		if i == 0 {
			first = got
		}
		if got.ID != first.ID || got.Duplicate != (i > 0) {
			t.Errorf("attempt %d: %+v, at first %+v", i, got, first)
		}
	}
	err := w.nodes[1].Try("send", map[string]any{"to": "a", "data": "another", "key": "k1"}, nil)
	if err == nil || !strings.Contains(err.Error(), "key") {
		t.Errorf("another message with the key: %v", err)
	}
	w.nodes[1].Call("send", map[string]any{"to": "a", "data": "end"}, nil)
	harness.WantMessage(t, s, "once")
	harness.WantMessage(t, s, "end")
}

// forge writes a record as an administrator of the brokers can.
func (w *world) forge(kind, id string, data []byte) {
	w.t.Helper()
	w.brokers.do("forge a record", func(admin js.JetStream) error {
		_, err := admin.PublishMsg(w.t.Context(), &nats.Msg{
			Subject: "hassesd." + clusterName + ".log." + kind, Data: data, Header: nats.Header{js.MsgIDHeader: []string{id}},
		})
		return err
	})
}

func recordOf(t *testing.T, values ...any) []byte {
	t.Helper()
	b, err := cbor.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What a stranger writes into the log is skipped or told as a gap, and nothing else.
func TestT48ForgedRecords(t *testing.T) {
	w := newWorld(t, 1)
	s, at := w.nodes[0].subscribe("subscribe=a", "")
	epoch := at[:strings.LastIndexByte(at, '-')]
	now := time.Now().UnixNano()
	body := []byte("data: forged\n\n")
	for i, data := range [][]byte{
		[]byte("no CBOR"),
		recordOf(t, 1, epoch, now, []string{"a\nid: 7"}, "", body, 1),
		recordOf(t, 1, epoch, now, []string{"a"}, "", []byte("id: 99\ndata: x\n\n"), 1),
		bytes.Repeat([]byte{0x81}, 1000),
	} {
		w.forge("msg", fmt.Sprint("f", i), data)
		e, err := s.Next()
		if err != nil || e.Name != "hasses.gap" {
			t.Fatalf("forged record %d: %+v, %v", i, e, err)
		}
	}
	w.forge("msg", "f10", recordOf(t, 1, "0former", now, []string{"a"}, "", body, 1)) // of another epoch
	w.forge("later", "f11", []byte("of a kind of a later release"))
	w.nodes[1].Call("send", map[string]any{"to": "a", "data": "after all"}, nil)
	harness.WantMessage(t, s, "after all")
	w.forge("epoch", "f12", recordOf(t, 1, "0another", 1, 5)) // nodes do not follow it, and begin one of their own
	for _, n := range w.nodes {
		if !n.Log.WaitFor("the epoch of the log has changed\" position=" + epoch) {
			t.Error("the first epoch was not followed")
		}
	}
	harness.Eventually(t, "a new epoch", func() bool {
		var status struct{ Epoch string }
		w.nodes[0].Call("status", nil, &status)
		return status.Epoch > epoch
	})
	for _, n := range w.nodes {
		n.awaitReady()
	}
}

// A node of this release reads what a later one adds, and tells of what it cannot read.
func TestOldBesideNew(t *testing.T) {
	w := newWorld(t, 1)
	s, at := w.nodes[0].subscribe("subscribe=a", "")
	epoch := at[:strings.LastIndexByte(at, '-')]
	number, err := strconv.ParseUint(at[len(epoch)+1:], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixNano()
	w.forge("msg", "n1", recordOf(t, 1, epoch, now, []string{"a"}, "", []byte("data: with more behind it\n\n"), number, "more"))
	harness.WantMessage(t, s, "with more behind it")
	w.forge("msg", "n2", recordOf(t, 2, epoch, now, []string{"a"}, "", "in another form", number))
	if e, err := s.Next(); err != nil || e.Name != "hasses.gap" {
		t.Errorf("of a later version: %+v, %v", e, err)
	}
	if !w.nodes[0].Log.WaitFor("newer version") {
		t.Error("the log does not say so")
	}
	w.nodes[1].Call("send", map[string]any{"to": "a", "data": "on"}, nil)
	harness.WantMessage(t, s, "on")
}

// While the log is out of reach a node is not ready, keeps its streams for a while, and goes on by itself.
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

// Whoever is told by readyz that a node is ready, and subscribes at once, gets a stream. Here a node
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

// A daemon does not start with messages longer than the brokers take.
func TestMessagesTooLongForTheBrokers(t *testing.T) {
	b := startBrokers(t, 1, "max_payload: 64KB")
	d := harness.Prepare(t, "--cluster-nats", "nats://"+b.all[0].address)
	d.Launch()
	if code := d.Wait(harness.Patience); code != 2 || !d.Log.WaitFor("max_payload") {
		t.Errorf("exit code %d", code)
	}
	d = harness.Prepare(t, "--cluster-nats", "nats://"+b.all[0].address, "--limits-message-bytes", "16KiB")
	d.Run()
}

// Credentials are read for each connection, and what they may do is what docs/cluster.md lists.
func TestCredentialsAndPermissions(t *testing.T) {
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := user.PublicKey()
	seed, _ := user.Seed()
	permissions := fmt.Sprintf(`authorization { users: [
  { user: admin, password: admin }
  { nkey: %s, permissions: {
    publish: [ "hassesd.t.log.*", "hassesd.t.ctl.*", "$JS.API.STREAM.INFO.hassesd-t", "$JS.API.STREAM.MSG.GET.hassesd-t",
      "$JS.API.STREAM.CREATE.hassesd-t", "$JS.API.STREAM.UPDATE.hassesd-t",
      "$JS.API.CONSUMER.CREATE.hassesd-t.>", "$JS.API.CONSUMER.MSG.NEXT.hassesd-t.>", "_INBOX.>" ]
    subscribe: [ "hassesd.t.ctl.*", "_INBOX.>" ] } }
] }`, public)
	b := startBrokers(t, 1, permissions)
	seedFile := t.TempDir() + "/seed"
	harness.WriteFile(t, seedFile, seed)
	w := &world{t: t, brokers: b, checker: newChecker()}
	n := w.addNode("n0", "--cluster-credentials-file", seedFile)
	n.awaitReady()
	other := w.addNode("n1", "--cluster-credentials-file", seedFile)
	other.awaitReady()
	s, _ := other.subscribe("subscribe=a", "")
	n.Call("send", map[string]any{"to": "a", "data": "with an NKEY"}, nil)
	harness.WantMessage(t, s, "with an NKEY")
	if strings.Contains(n.Log.Whole(), "ermissions Violation") {
		t.Error("a permission was missing")
	}
	var sandbox struct {
		Paths []struct{ Path string } `json:"paths"`
		Ports []int                   `json:"connect_ports"`
	}
	n.Call("sandbox", nil, &sandbox)
	if len(sandbox.Ports) > 0 && !slices.ContainsFunc(sandbox.Paths, func(p struct{ Path string }) bool { return strings.HasPrefix(seedFile, p.Path) }) {
		t.Errorf("the sandbox does not list the credentials: %+v", sandbox)
	}

	// Revoked, and granted again.
	one := b.all[0]
	before := readFile(t, one.config)
	harness.WriteFile(t, one.config, []byte(strings.ReplaceAll(before, public, "U"+strings.Repeat("A", len(public)-1))))
	one.kill()
	one.start()
	harness.Eventually(t, "the node is not ready", func() bool {
		var status struct {
			Cluster struct{ Ready bool } `json:"cluster"`
		}
		n.Call("status", nil, &status)
		return !status.Cluster.Ready
	})
	one.kill()
	harness.WriteFile(t, one.config, []byte(before))
	one.start()
	n.awaitReady()
}

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
