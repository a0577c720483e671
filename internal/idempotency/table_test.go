package idempotency

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// testTable is a table with a clock of its own.
type testTable struct {
	*Table
	time   time.Time
	limits Limits
	seq    uint64
}

func newTestTable(keys int) *testTable {
	tt := &testTable{time: time.Unix(1000, 0), limits: Limits{Window: time.Minute, Keys: keys}}
	tt.Table = New(Options{Now: func() time.Time { return tt.time }, Limits: func() Limits { return tt.limits }})
	return tt
}

var message = FingerprintOf(eventlog.Message{Event: sse.Event{Data: "x"}})

// publish publishes under a key, and reports whether it had been published before.
func (tt *testTable) publish(t *testing.T, publisher, key string) (id uint64, isDuplicate bool) {
	t.Helper()
	claim, earlier, err := tt.Claim(t.Context(), KeyOf(publisher, key, 0), message)
	if err != nil {
		t.Fatal(err)
	}
	if earlier != nil {
		return earlier.ID().Seq, true
	}
	tt.seq++
	claim.Publish(eventlog.NewSettledReceipt(sse.ID{Epoch: "e", Seq: tt.seq}, 7))
	return tt.seq, false
}

func wantDuplicate(t *testing.T, tt *testTable, publisher, key string, want bool) {
	t.Helper()
	if id, got := tt.publish(t, publisher, key); got != want {
		t.Errorf("%s of %s: id %d, duplicate %t, want %t", key, publisher, id, got, want)
	}
}

// check compares the lists with the maps.
func (tt *testTable) check(t *testing.T) {
	t.Helper()
	own := 0
	for _, p := range tt.publishers {
		own += p.published.Len()
	}
	if tt.published.Len() != len(tt.entries) || own != len(tt.entries) {
		t.Errorf("%d entries, %d by age, %d by publisher", len(tt.entries), tt.published.Len(), own)
	}
}

func TestAKeyIsRememberedForItsWindow(t *testing.T) {
	t.Parallel()
	tt := newTestTable(10)
	wantDuplicate(t, tt, "a", "k", false)
	wantDuplicate(t, tt, "b", "k", false) // keys belong to their publisher
	tt.time = tt.time.Add(59 * time.Second)
	if id, dup := tt.publish(t, "a", "k"); !dup || id != 1 {
		t.Errorf("after 59 s: id %d, duplicate %t", id, dup)
	}
	tt.time = tt.time.Add(time.Second) // asking does not prolong it
	wantDuplicate(t, tt, "a", "k", false)
	tt.check(t)
}

func TestAnotherMessageUnderTheSameKey(t *testing.T) {
	t.Parallel()
	tt := newTestTable(10)
	tt.publish(t, "a", "k")
	other := FingerprintOf(eventlog.Message{Event: sse.Event{Data: "y"}})
	if _, _, err := tt.Claim(t.Context(), KeyOf("a", "k", 0), other); !errors.Is(err, ErrMismatch) {
		t.Errorf("got %v", err)
	}
	if claim, _, err := tt.Claim(t.Context(), KeyOf("a", "k", 1), other); err != nil || claim == nil {
		t.Errorf("another part of the request: %v", err)
	}
}

func TestAMessageThatWasRefusedMayBeSentAgain(t *testing.T) {
	t.Parallel()
	tt := newTestTable(10)
	claim, _, err := tt.Claim(t.Context(), KeyOf("a", "k", 0), message)
	if err != nil {
		t.Fatal(err)
	}
	claim.Release()
	wantDuplicate(t, tt, "a", "k", false)
	tt.check(t)
}

func TestTheSecondWaitsForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tt := newTestTable(10)
		key := KeyOf("a", "k", 0)
		first, _, _ := tt.Claim(t.Context(), key, message)
		outcome := make(chan string, 3)
		wait := func(ctx context.Context) {
			claim, earlier, err := tt.Claim(ctx, key, message)
			switch {
			case err != nil:
				outcome <- "error"
			case earlier != nil:
				outcome <- "duplicate"
			default:
				outcome <- "first"
				claim.Publish(eventlog.NewSettledReceipt(sse.ID{Epoch: "e", Seq: 1}, 0))
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		go wait(ctx)
		synctest.Wait()
		cancel()
		if got := <-outcome; got != "error" {
			t.Errorf("when its context ends: %s", got)
		}
		go wait(t.Context())
		go wait(t.Context())
		synctest.Wait()
		first.Release() // one of them is the first now, and the other one waits for it
		if a, b := <-outcome, <-outcome; a != "first" || b != "duplicate" {
			t.Errorf("after the first was refused: %s, %s", a, b)
		}
		tt.check(t)
	})
}

func TestTheOldestIsForgottenFirst(t *testing.T) {
	t.Parallel()
	tt := newTestTable(3)
	for i := range 4 {
		tt.publish(t, "a", fmt.Sprint(i))
	}
	if tt.Len() != 3 {
		t.Errorf("%d keys, want 3", tt.Len())
	}
	wantDuplicate(t, tt, "a", "1", true)
	wantDuplicate(t, tt, "a", "0", false)
	tt.check(t)
}

// T: a publisher who uses very many keys makes nobody else's be forgotten.
func TestManyKeysOfOnePublisherLeaveThoseOfOthers(t *testing.T) {
	t.Parallel()
	tt := newTestTable(1000)
	for i := range 400 {
		tt.publish(t, "good", fmt.Sprint(i))
	}
	for i := range 100_000 {
		tt.publish(t, "greedy", fmt.Sprint(i))
	}
	if tt.Len() != 1000 {
		t.Errorf("%d keys, want 1000", tt.Len())
	}
	for i := range 400 {
		wantDuplicate(t, tt, "good", fmt.Sprint(i), true)
	}
	tt.check(t)
}

func TestASmallerTableShrinks(t *testing.T) {
	t.Parallel()
	tt := newTestTable(1000)
	for i := range 1000 {
		tt.publish(t, fmt.Sprint(i%3), fmt.Sprint(i))
	}
	tt.limits.Keys = 10
	for tt.Trim() {
	}
	tt.publish(t, "x", "y")
	if tt.Len() > 10 {
		t.Errorf("%d keys, want 10 at most", tt.Len())
	}
	tt.limits = Limits{}
	tt.publish(t, "x", "z")
	wantDuplicate(t, tt, "x", "z", false)
	for tt.Trim() {
	}
	if tt.Len() != 0 {
		t.Errorf("%d keys, want none", tt.Len())
	}
	tt.check(t)
}

func TestAClaimForgetsFewKeys(t *testing.T) {
	t.Parallel()
	tt := newTestTable(10_000)
	for i := range 10_000 {
		tt.publish(t, "a", fmt.Sprint(i))
	}
	tt.time = tt.time.Add(time.Hour)
	tt.publish(t, "a", "x")
	if n := tt.Len(); n < 10_000-expirePerClaim {
		t.Errorf("one claim forgot %d keys", 10_000-n)
	}
	steps := 0
	for tt.Trim() {
		steps++
	}
	if steps < 10_000/trimStep/2 || tt.Len() != 1 {
		t.Errorf("trimmed in %d steps to %d keys", steps, tt.Len())
	}
}

func TestACheckpointIsRestored(t *testing.T) {
	t.Parallel()
	tt := newTestTable(10)
	tt.publish(t, "a", "old")
	tt.time = tt.time.Add(50 * time.Second)
	tt.publish(t, "a", "new")
	past := tt.Checkpoint()
	if len(past) != 2 || past[0].Age != 50*time.Second || past[1].ID.Seq != 2 || past[1].Matched != 7 {
		t.Fatalf("checkpoint %+v", past)
	}
	next := newTestTable(10)
	for i := range past { // 15 s later
		past[i].Age += 15 * time.Second
	}
	next.Restore(append(past, Remembered{}, past[1]))
	next.check(t)
	wantDuplicate(t, next, "a", "old", false)
	_, earlier, err := next.Claim(t.Context(), KeyOf("a", "new", 0), message)
	if err != nil || earlier == nil || earlier.ID() != (sse.ID{Epoch: "e", Seq: 2}) || earlier.Matched() != 7 {
		t.Fatalf("restored as %v, %v", earlier, err)
	}
	<-earlier.Done()
}

func TestFingerprintsTellMessagesApart(t *testing.T) {
	t.Parallel()
	room := func(names_ ...string) (list []names.Target) {
		for _, n := range names_ {
			list = append(list, names.Target{Kind: names.Room, Name: n})
		}
		return list
	}
	long := strings.Repeat("x", 1000)
	messages := []eventlog.Message{
		{To: room("a")},
		{To: room("a"), Event: sse.Event{Data: "a"}},
		{To: room("a"), Event: sse.Event{Name: "a"}},
		{To: room("a"), Except: "a"},
		{To: room("a", "a")},
		{To: []names.Target{{Kind: names.Prefix, Name: "a"}}},
		{To: room("a"), Event: sse.Event{Retry: time.Second}},
		{To: room("a"), Event: sse.Event{Data: long}},
		{To: room("a"), Event: sse.Event{Data: long + "x"}},
	}
	seen := map[Fingerprint]int{}
	for i, m := range messages {
		f := FingerprintOf(m)
		if j, ok := seen[f]; ok {
			t.Errorf("messages %d and %d look alike", i, j)
		}
		seen[f] = i
		if f != FingerprintOf(m) {
			t.Errorf("message %d has two fingerprints", i)
		}
	}
}

func TestIsValid(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": false, "a": true, "~!": true, "a b": false, "ä": false, "\x7f": false, "\n": false,
		strings.Repeat("k", 128): true, strings.Repeat("k", 129): false,
	} {
		if IsValid(text) != want {
			t.Errorf("IsValid(%q) = %t", text, !want)
		}
	}
}

func BenchmarkClaim(b *testing.B) {
	tt := newTestTable(100_000)
	b.ReportAllocs()
	for i := range b.N {
		claim, _, _ := tt.Claim(b.Context(), KeyOf("a", fmt.Sprint(i), 0), message)
		claim.Publish(eventlog.NewSettledReceipt(sse.ID{Epoch: "e", Seq: uint64(i)}, 0))
	}
}
