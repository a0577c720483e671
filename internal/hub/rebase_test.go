package hub

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/sse"
)

// numbered lets the hub have a record of any id.
func (w *testHub) numbered(id sse.ID, to, data string) {
	w.t.Helper()
	d, err := eventlog.NewDraft(message(to, data))
	if err != nil {
		w.t.Fatal(err)
	}
	if !w.hub.Apply(d.Record(d.Encode(), id, w.now, nil)) {
		w.t.Fatalf("no room for %s", id)
	}
}

// told returns everything that has arrived at c on one line.
func (c *client) told() string {
	c.w.deliver()
	for !c.Empty() {
		c.pop(1 << 12)
	}
	got := strings.ReplaceAll(strings.Join(c.frames(), "/"), "\n", " ")
	return strings.ReplaceAll(got, `"`, "")
}

func gapText(from string, to sse.ID) string {
	return strings.ReplaceAll(fmt.Sprintf("id: %s event: hasses.gap data: {last_event_id:%s,resumed_at:%s}", to, from, to), `"`, "")
}

func TestRebaseTellsEveryStreamOfAGapInItsPlace(t *testing.T) {
	w := newTestHub(t, 2, Options{History: keepAll, IsShared: true})
	c, other := w.client(0), w.client(1)
	c.subscribe(Subscription{}, "a")
	other.subscribe(Subscription{}, "b")
	w.numbered(sse.ID{Epoch: "e", Seq: 7}, "a", "one")
	f := sse.ID{Epoch: "f", Seq: 1}
	w.hub.Rebase(f)
	w.numbered(sse.ID{Epoch: "f", Seq: 2}, "a", "two")
	w.numbered(sse.ID{Epoch: "f", Seq: 5}, "a,b", "three")
	if got, want := c.told(), "id: e-7 data: one/"+gapText("e-7", f)+"/id: f-2 data: two/id: f-5 data: three"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := other.told(), gapText("e-7", f)+"/id: f-5 data: three"; got != want {
		t.Errorf("a stream that got nothing yet: got  %s\nwant %s", got, want)
	}
	if got := w.hub.LastID().String(); got != "f-5" {
		t.Errorf("the hub is at %s", got)
	}
	if c.Sent() != 3 {
		t.Errorf("%d events sent: the gap is none", c.Sent())
	}
}

func TestAResumeAcrossRebaseGetsAGap(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll, IsShared: true})
	w.numbered(sse.ID{Epoch: "e", Seq: 7}, "a", "one")
	w.hub.Rebase(sse.ID{Epoch: "f", Seq: 3})
	w.numbered(sse.ID{Epoch: "f", Seq: 4}, "a", "two")
	for _, tt := range []struct{ from, want string }{
		{"e-7", gapText("e-7", sse.ID{Epoch: "f", Seq: 3}) + "/id: f-4 data: two"},
		{"e-9", gapText("e-9", sse.ID{Epoch: "f", Seq: 3}) + "/id: f-4 data: two"},
		{"f-2", gapText("f-2", sse.ID{Epoch: "f", Seq: 3}) + "/id: f-4 data: two"},
		{"f-3", "id: f-4 data: two"},
		{"f-4", ""},
	} {
		c := w.client(0)
		c.subscribe(Subscription{LastEventID: tt.from}, "a")
		if got := c.told(); got != tt.want {
			t.Errorf("from %s: got  %s\nwant %s", tt.from, got, tt.want)
		}
	}
}

// A replay that is under way when the log changes is told of the gap once.
func TestRebaseInTheMiddleOfAReplay(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll, IsShared: true})
	for i := range uint64(100) {
		w.numbered(sse.ID{Epoch: "e", Seq: 10 + i}, "a", "x")
	}
	c := w.client(0)
	c.subscribe(Subscription{LastEventID: "e-10"}, "a")
	c.pop(40) // the first few
	w.hub.Rebase(sse.ID{Epoch: "f", Seq: 2})
	w.numbered(sse.ID{Epoch: "f", Seq: 3}, "a", "y")
	got := c.told()
	if strings.Count(got, "hasses.gap") != 1 || !strings.HasSuffix(got, "resumed_at:f-2}/id: f-3 data: y") || strings.Count(got, "data: y") != 1 {
		t.Errorf("got %s", got)
	}
}

func TestAClientThatIsAheadGetsWhatComesAfter(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll, IsShared: true})
	w.numbered(sse.ID{Epoch: "e", Seq: 7}, "a", "one")
	c := w.client(0)
	start := c.subscribe(Subscription{LastEventID: "e-9"}, "a")
	if start.ID.String() != "e-9" || start.Gap != nil || !c.IsAhead() {
		t.Fatalf("begins at %s, gap %v, ahead %t", start.ID, start.Gap, c.IsAhead())
	}
	w.numbered(sse.ID{Epoch: "e", Seq: 8}, "a", "two")
	w.deliver()
	if !c.IsAhead() || !c.Empty() {
		t.Error("it got what its client has, or is not ahead any more")
	}
	w.numbered(sse.ID{Epoch: "e", Seq: 9}, "b", "three")
	if c.IsAhead() {
		t.Error("the hub has caught up, and the stream is ahead")
	}
	w.numbered(sse.ID{Epoch: "e", Seq: 10}, "a", "four")
	if got := c.told(); got != "id: e-10 data: four" {
		t.Errorf("got %s", got)
	}
}

func TestAClientThatIsAheadOfALostLogIsToldSo(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll, IsShared: true})
	w.numbered(sse.ID{Epoch: "e", Seq: 7}, "a", "one")
	c := w.client(0)
	c.subscribe(Subscription{LastEventID: "e-900"}, "a")
	f := sse.ID{Epoch: "f", Seq: 3}
	w.hub.Rebase(f)
	w.numbered(sse.ID{Epoch: "f", Seq: 4}, "a", "two")
	if got, want := c.told(), gapText("e-7", f)+"/id: f-4 data: two"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestAGapInFrontOfWhatAClientHasIsNoGapToIt: the log has lost its beginning before this hub read it, and the client has more
// than that from another hub.
func TestAGapInFrontOfWhatAClientHasIsNoGapToIt(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll, IsShared: true})
	w.numbered(sse.ID{Epoch: "e", Seq: 1}, "a", "one")
	further, level, behind := w.client(0), w.client(0), w.client(0)
	further.subscribe(Subscription{LastEventID: "e-7"}, "a")
	level.subscribe(Subscription{LastEventID: "e-4"}, "a")
	behind.subscribe(Subscription{LastEventID: "e-3"}, "a")
	w.hub.Rebase(sse.ID{Epoch: "e", Seq: 4})
	if further.IsAhead() != true || level.IsAhead() != true {
		t.Error("numbers from before the gap are compared with those after it")
	}
	w.deliver()
	if further.IsAhead() != true || level.IsAhead() != false {
		t.Error("after a gap up to e-4, the client with e-7 is ahead, and the one with e-4 is not")
	}
	for seq := range uint64(5) {
		w.numbered(sse.ID{Epoch: "e", Seq: 5 + seq}, "a", "x")
	}
	if got, want := further.told(), "id: e-8 data: x/id: e-9 data: x"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	rest := "id: e-5 data: x/id: e-6 data: x/id: e-7 data: x/id: e-8 data: x/id: e-9 data: x"
	if got := level.told(); got != rest {
		t.Errorf("got  %s\nwant %s", got, rest)
	}
	if got, want := behind.told(), gapText("e-1", sse.ID{Epoch: "e", Seq: 4})+"/"+rest; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNobodyIsAheadOfALogOfOnesOwn(t *testing.T) {
	for name, o := range map[string]Options{"not shared": {}, "made up": {IsShared: true}} {
		o.History = keepAll
		w := newTestHub(t, 1, o)
		w.numbered(sse.ID{Epoch: "e", Seq: 7}, "a", "one")
		id := "e-9"
		if o.IsShared {
			id = "e-18446744073709551615"
		}
		c := w.client(0)
		if start := c.subscribe(Subscription{LastEventID: id}, "a"); start.Gap == nil || c.IsAhead() {
			t.Errorf("%s: no gap, or ahead %t", name, c.IsAhead())
		}
	}
}

// A later epoch may be about to begin here: for five seconds.
func TestALaterEpochIsWaitedFor(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll, IsShared: true})
	for id, want := range map[string]bool{"": false, "e-1": false, "nonsense": false, "d-1": false, "f-1": true, "aa-1": true} {
		if got := w.hub.IsBehind(w.now, id); got != want {
			t.Errorf("%q: behind %t", id, got)
		}
	}
	if w.hub.IsBehind(w.now.Add(unreadWait), "f-1") {
		t.Error("an epoch that did not come is waited for again")
	}
	for i := range maxUnread {
		w.hub.IsBehind(w.now, fmt.Sprintf("g%d-1", i))
	}
	if w.hub.IsBehind(w.now, "h-1") {
		t.Error("the table has no bound")
	}
	if later := w.now.Add(unreadKeep); !w.hub.IsBehind(later, "h-1") {
		t.Error("the table never has room again")
	}
	if one := newTestHub(t, 1, Options{}); one.hub.IsBehind(w.now, "f-1") {
		t.Error("a daemon of its own waits")
	}
}

func TestOldErasAreForgotten(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll, IsShared: true})
	for i := range 3 * maxEras {
		w.hub.Rebase(sse.ID{Epoch: fmt.Sprintf("e%d", i), Seq: 5})
		w.numbered(sse.ID{Epoch: fmt.Sprintf("e%d", i), Seq: 6}, "a", "x")
	}
	if got := w.hub.LastID().String(); got != "e23-6" || len(w.hub.eras) != maxEras {
		t.Errorf("at %s, %d eras are known", got, len(w.hub.eras))
	}
}

// Under every policy, a stream whose queue overflows around a change of the epoch is told of it.
func TestRebaseAndASlowStream(t *testing.T) {
	for _, policy := range []Policy{DropOldest, Latest} {
		w := newTestHub(t, 1, Options{History: keepAll, IsShared: true, QueueBytes: 150, Slow: policy})
		c := w.client(0)
		c.subscribe(Subscription{}, "a")
		c.blocked = true
		for i := range uint64(5) {
			w.numbered(sse.ID{Epoch: "e", Seq: 10 + i}, "a", strings.Repeat("x", 20))
		}
		w.deliver()
		w.hub.Rebase(sse.ID{Epoch: "f", Seq: 1})
		for i := range uint64(5) {
			w.numbered(sse.ID{Epoch: "f", Seq: 2 + i}, "a", strings.Repeat("y", 20))
		}
		w.deliver()
		c.blocked = false
		if got := c.told(); !strings.Contains(got, "hasses.gap") || !strings.HasSuffix(got, "f-6 data: "+strings.Repeat("y", 20)) {
			t.Errorf("%s: %s", policy, got)
		}
	}
}

// However often the log changes meanwhile, a stream under Latest is told once, and its queue keeps its bound.
func TestLatestKeepsTheNewestGapOfTheLog(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll, IsShared: true, QueueBytes: 300, Slow: Latest})
	c := w.client(0)
	c.subscribe(Subscription{}, "a")
	c.blocked = true
	for i := range uint64(50) {
		w.numbered(sse.ID{Epoch: "e" + itoa(int(100+i)), Seq: 5}, "a", strings.Repeat("x", 20))
		w.hub.Rebase(sse.ID{Epoch: "e" + itoa(int(101+i)), Seq: 1})
		w.deliver()
	}
	w.numbered(sse.ID{Epoch: "e150", Seq: 2}, "a", "end")
	w.deliver()
	if c.QueueBytes() > 600 {
		t.Errorf("%d bytes are queued", c.QueueBytes())
	}
	dropped := c.Dropped()
	c.blocked = false
	got := c.told()
	if strings.Count(got, "hasses.gap") > 2 || !strings.HasSuffix(got, "resumed_at:e150-1}/id: e150-2 data: end") {
		t.Errorf("got %s", got)
	}
	if dropped+c.Sent() != 51 {
		t.Errorf("%d events dropped and %d sent of 51: gaps are none", dropped, c.Sent())
	}
}

// A gap of the log is for every stream, as what is published to all of them, and replaces nothing of that.
func TestLatestKeepsTheNewestToEverybodyBeforeAGap(t *testing.T) {
	w := newTestHub(t, 1, Options{History: keepAll, IsShared: true, QueueBytes: 200, Slow: Latest})
	c := w.client(0)
	c.subscribe(Subscription{}, "a")
	c.blocked = true
	w.numbered(sse.ID{Epoch: "e", Seq: 1}, "*", "to everybody")
	for i := range uint64(4) {
		w.numbered(sse.ID{Epoch: "e", Seq: 2 + i}, "a", strings.Repeat("x", 20))
	}
	f := sse.ID{Epoch: "f", Seq: 1}
	w.hub.Rebase(f)
	w.deliver()
	c.blocked = false
	want := "id: e-1 data: to everybody/id: e-5 data: " + strings.Repeat("x", 20) + "/" + gapText("e-5", f)
	if got := c.told(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
