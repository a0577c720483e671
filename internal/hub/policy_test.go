package hub

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// frameLen is the length of the events of these tests, all of one digit and one byte.
const frameLen = len("id: e-1\ndata: x\n\n")

// slowTestHub is a testHub whose queues hold n such events.
func slowTestHub(t *testing.T, p Policy, n int) *testHub {
	return newTestHub(t, 1, Options{QueueBytes: n * frameLen, Slow: p})
}

func (w *testHub) send(to, data string) {
	w.t.Helper()
	w.publish(to, data)
	w.deliver()
}

func TestParsePolicy(t *testing.T) {
	for _, p := range []Policy{Close, DropOldest, Latest} {
		if got, err := ParsePolicy(p.String()); got != p || err != nil {
			t.Errorf("ParsePolicy(%q) = %v, %v", p.String(), got, err)
		}
	}
	for _, s := range []string{"", "Close", "drop"} {
		if _, err := ParsePolicy(s); err == nil {
			t.Errorf("ParsePolicy(%q) is accepted", s)
		}
	}
	if got := Policy(9).String(); got != "Policy(9)" {
		t.Errorf("String of an unknown policy = %q", got)
	}
}

func TestClosePolicy(t *testing.T) {
	w := slowTestHub(t, Close, 2)
	slow, other := w.subscribe("a"), w.subscribe("a")
	slow.blocked = true
	for _, data := range []string{"1", "2", "3", "4"} {
		w.send("a", data)
		other.pop(1 << 10)
	}
	if slow.overflows != 1 {
		t.Errorf("Overflow called %d times, want 1", slow.overflows)
	}
	if got := w.shards[0].Dropped(); got != (Dropped{Close: 2}) {
		t.Errorf("Dropped = %+v, want 2 by Close", got)
	}
	slow.want("1 1", "2 2")
	other.want("1 1", "2 2", "3 3", "4 4")

	slow.subscribe(Subscription{}, "a") // it starts anew
	w.send("a", "5")
	slow.want("5 5")
}

func TestAnUnblockedStreamIsNotJudged(t *testing.T) {
	for _, p := range []Policy{Close, DropOldest, Latest} {
		w := slowTestHub(t, p, 2)
		c := w.subscribe("a")
		for _, data := range []string{"1", "2", "3"} {
			w.send("a", data)
		}
		if got := w.shards[0].Dropped(); c.overflows != 0 || got != (Dropped{}) {
			t.Errorf("%v: overflowed %d times, dropped %+v", p, c.overflows, got)
		}
		c.want("1 1", "2 2", "3 3")
	}
}

func TestAnEmptyQueueTakesAnyEvent(t *testing.T) {
	for _, p := range []Policy{Close, DropOldest, Latest} {
		w := slowTestHub(t, p, 2)
		c := w.subscribe("a")
		c.blocked = true
		big := strings.Repeat("x", 5000)
		w.send("a", big)
		c.want("1 " + big)
		if got := w.shards[0].Dropped(); got != (Dropped{}) {
			t.Errorf("%v: dropped %+v", p, got)
		}
	}
}

func TestDropOldest(t *testing.T) {
	w := slowTestHub(t, DropOldest, 3)
	c := w.subscribe("a")
	c.blocked = true
	w.send("a", "1")
	c.pop(1 << 10)
	for _, data := range []string{"2", "3", "4", "5", "6"} {
		w.send("a", data)
	}
	c.want("1 1", "gap e-1 to 3", "4 4", "5 5", "6 6")
	if got := w.shards[0].Dropped(); got != (Dropped{Oldest: 2}) {
		t.Errorf("Dropped = %+v, want 2 by Oldest", got)
	}
	// A second time, the client has got the first gap.
	w.send("a", "7")
	c.pop(1 << 10)
	for _, data := range []string{"8", "9", "10", "11"} {
		w.send("a", data)
	}
	c.want("7 7", "gap e-7 to 9", "10 10", "11 11")
}

func TestDropOldestKeepsWhatIsPartlySent(t *testing.T) {
	w := slowTestHub(t, DropOldest, 3)
	c := w.subscribe("a")
	c.blocked = true
	w.send("a", "1")
	c.pop(5)
	for _, data := range []string{"2", "3", "4", "5"} {
		w.send("a", data)
	}
	c.want("1 1", "gap e-1 to 3", "4 4", "5 5")
}

func TestDropOldestWhenTheGapIsPartlySent(t *testing.T) {
	w := slowTestHub(t, DropOldest, 3)
	c := w.subscribe("a")
	c.blocked = true
	for _, data := range []string{"1", "2", "3", "4"} {
		w.send("a", data)
	}
	c.pop(5) // of the gap that names 1
	for _, data := range []string{"5", "6"} {
		w.send("a", data)
	}
	// What is left of the gap is more than the bound, so that there is room for one event behind
	// it.
	c.want("gap e-0 to 1", "gap e-1 to 5", "6 6")
}

func TestDropOldestMakesRoomForABigEvent(t *testing.T) {
	w := slowTestHub(t, DropOldest, 3)
	c := w.subscribe("a")
	c.blocked = true
	big := strings.Repeat("x", 500)
	w.send("a", "1")
	c.pop(5)
	w.send("a", "2")
	w.send("a", big)
	c.want("1 1", "gap e-1 to 2", "3 "+big)
}

func TestDropOldestKeepsTheGapOfTheStart(t *testing.T) {
	w := newTestHub(t, 1, Options{QueueBytes: 3 * frameLen, Slow: DropOldest})
	w.send("a", "1")
	c, _ := w.resume("a", "f-1")
	c.blocked = true
	for _, data := range []string{"2", "3", "4"} {
		w.send("a", data)
	}
	c.want("gap f-1 to 1", "gap e-1 to 3", "4 4")
}

func TestLatest(t *testing.T) {
	w := slowTestHub(t, Latest, 4)
	c := w.subscribe("a b")
	c.blocked = true
	for _, m := range []struct{ to, data string }{
		{"a", "1"}, {"b", "2"}, {"*", "3"}, {"a", "4"}, {"a", "5"}, // full: 1 and 4 give way
		{"b", "6"}, {"*", "7"}, // full again: 2 and 3 give way
	} {
		w.send(m.to, m.data)
	}
	c.want("5 5", "6 6", "7 7")
	if got := w.shards[0].Dropped(); got != (Dropped{Latest: 4}) {
		t.Errorf("Dropped = %+v, want 4 by Latest", got)
	}
	w.send("a", "8")
	c.want("8 8")
}

func TestLatestLooksAtTheTargetsThatReachTheStream(t *testing.T) {
	w := slowTestHub(t, Latest, 2)
	a, both := w.subscribe("a"), w.subscribe("a b")
	a.blocked, both.blocked = true, true
	w.send("a,b", "1")
	w.send("a", "2")
	w.send("a", "3")
	a.want("3 3")
	both.want("1 1", "3 3") // 1 is the newest of b
}

func TestLatestKeepsWhatIsPartlySent(t *testing.T) {
	w := slowTestHub(t, Latest, 3)
	c := w.subscribe("a")
	c.blocked = true
	w.send("a", "1")
	c.pop(5)
	for _, data := range []string{"2", "3", "4"} {
		w.send("a", data)
	}
	c.want("1 1", "4 4")
}

func TestLatestDropsTheOldestOfTooManyTargets(t *testing.T) {
	w := slowTestHub(t, Latest, 2)
	c := w.subscribe("*")
	c.blocked = true
	for _, to := range []string{"a", "b", "c", "d"} {
		w.send(to, to)
	}
	c.want("3 c", "4 d")

	const n = 4 * latestLong
	w.hub.SetLimits(w.now, HistoryLimits{}, n*20, Latest)
	for i := range 3 * n {
		w.send("room"+itoa(i), "x")
	}
	if c.QueueBytes() > n*20 {
		t.Errorf("%d bytes are queued, the bound is %d", c.QueueBytes(), n*20)
	}
	got := c.all()
	if last := itoa(4+3*n) + " x"; len(got) < n/2 || got[len(got)-1] != last {
		t.Errorf("%d events arrived, want more, and the last to be %s", len(got), last)
	}
	if len(w.shards[0].backlog.newest) != 0 {
		t.Error("the scratch map was not cleared")
	}
}

func TestSetLimitsAppliesToLiveStreams(t *testing.T) {
	w := slowTestHub(t, Close, 2)
	c := w.subscribe("a")
	c.blocked = true
	w.send("a", "1")
	w.send("a", "2")
	w.hub.SetLimits(w.now, HistoryLimits{}, 3*frameLen, DropOldest)
	w.send("a", "3")
	w.send("a", "4")
	c.want("gap e-0 to 1", "2 2", "3 3", "4 4")
}

// A client that does not read chooses how much is in its queue, and a publisher how many targets a
// message has.
func TestLatestSearchesABoundedNumberOfTargets(t *testing.T) {
	const messages = 300
	for rooms, most := range map[string]int{"*": latestWork/eventlog.MaxTargets + 1, "room7 room8": 1} {
		w := newTestHub(t, 1, Options{QueueBytes: 15 * messages, Slow: Latest})
		c := w.subscribe(rooms)
		c.blocked = true
		to := make([]names.Target, eventlog.MaxTargets)
		full := false
		for i := range messages {
			for j := range to {
				to[j].Name = fmt.Sprint("room", j)
				if rooms == "*" {
					to[j].Name += fmt.Sprint("_", i) // nobody else has sent there
				}
			}
			before := c.queue.n
			if _, err := w.try(eventlog.Message{To: to, Event: sse.Event{Data: "x"}}); err != nil {
				t.Fatal(err)
			}
			w.deliver()
			if c.queue.n > before {
				continue
			}
			full = true
			if kept := int(c.queue.n) - 1; kept > most {
				t.Errorf("%s: a full queue keeps %d messages to %d targets each, want at most %d looked at", rooms, kept, eventlog.MaxTargets, most)
			}
		}
		if got, last := c.all(), itoa(messages)+" x"; !full || got[len(got)-1] != last {
			t.Errorf("%s: full %v; the last of %d events is not %s", rooms, full, len(got), last)
		}
	}
}
