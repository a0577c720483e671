package hub

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
)

func TestTable(t *testing.T) {
	var tab table[int, string]
	if _, ok := tab.get(1); ok || tab.len() != 0 {
		t.Error("the zero table is not empty")
	}
	tab.remove(1)
	const many = 20 * tableKeep
	for i := range many {
		tab.put(i, strconv.Itoa(i))
	}
	for i := range many - 1 {
		tab.remove(i)
		if i%1000 == 0 {
			if got, ok := tab.get(many - 1); !ok || got != strconv.Itoa(many-1) || tab.len() != many-1-i {
				t.Fatalf("after %d removals: %q, %t, %d entries", i+1, got, ok, tab.len())
			}
		}
	}
	if tab.peak > tableKeep {
		t.Errorf("one entry sits in the room of %d", tab.peak)
	}
}

// heap is what lives on it.
func heap() int64 {
	var m runtime.MemStats
	for range 2 { // what finalizers and pools hold goes with the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestT16RoomNamesComeAndGo: a million rooms, by subscribers and by publishers, leave no memory
// behind.
func TestT16RoomNamesComeAndGo(t *testing.T) {
	const (
		rooms     = 1_000_000
		perStream = 64
		streams   = 4096 // at one time
		published = rooms / 4
	)
	now := time.Unix(1, 0)
	h := New(Options{Epoch: "e", History: HistoryLimits{Events: 1000, Bytes: 1 << 20, Age: time.Minute}, InboxEvents: 1 << 20})
	log := follow(h, func() time.Time { return now })
	s := h.NewShard(func() {})
	good := &Stream{Owner: nonReader{}}
	s.Subscribe(now, good, Subscription{Rooms: []string{"good"}, ClientID: "good"})
	before := heap()

	some := make([]Stream, streams)
	subscribed := make([]string, perStream)
	next := 0
	for next < rooms {
		for i := range some {
			for j := range subscribed {
				subscribed[j] = "room-" + strconv.Itoa(next)
				next++
			}
			some[i].Owner = nonReader{}
			s.Subscribe(now, &some[i], Subscription{Rooms: subscribed, ClientID: "id-" + strconv.Itoa(next)})
		}
		for i := range some {
			s.Unsubscribe(&some[i])
			s.Release(&some[i])
		}
	}
	for i := range published {
		m := eventlog.Message{To: []names.Target{{Kind: names.Room, Name: "room-" + strconv.Itoa(i)}}}
		if i%1000 == 0 {
			m.To = append(m.To, names.Target{Kind: names.Prefix, Name: "prefix-" + strconv.Itoa(i)}, names.Target{Kind: names.Room, Name: "good"})
		}
		if _, err := try(log, m); err != nil {
			t.Fatal(err)
		}
		for s.Deliver(1<<20, 1<<30) {
			t.Fatal("a shard is not finished")
		}
	}
	h.Trim(now.Add(time.Hour))
	for len(good.Pop(nil, 1<<20)) > 0 {
		continue
	}
	if got := good.Sent(); got != published/1000 {
		t.Errorf("the good stream got %d of %d events", got, published/1000)
	}
	clear(some)
	runtime.KeepAlive(subscribed)
	after := heap()
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	some, subscribed = nil, nil
	// Within 5 %, and what two empty tables keep.
	if grown := after - before; grown > before/20+512<<10 {
		t.Errorf("the heap has grown from %d to %d bytes", before, after)
	}
	t.Logf("%d bytes before, %d after %d rooms", before, after, rooms)
	runtime.KeepAlive(some)
	runtime.KeepAlive(subscribed)
	runtime.KeepAlive(h)
}

// nonReader is told things and does nothing.
type nonReader struct{}

func (nonReader) Queued(*Stream, int)  {}
func (nonReader) Blocked(*Stream) bool { return false }
func (nonReader) Overflow(*Stream)     {}
