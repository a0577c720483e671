package jetstream

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/sse"
)

// Threat T48: a writer in the log can state any epoch. A node neither reuses it nor looks for a later one without end.
func TestT48TheEpochAfterAForgedOne(t *testing.T) {
	t.Parallel()
	epochAt := func(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 36) + "000" }
	now := time.Unix(1_800_000_000, 0)
	l := New(Options{Name: "push", NewEpoch: epochAt, Now: func() time.Time { return now }})
	for newest, want := range map[string]bool{
		"1":                               true,
		epochAt(now):                      true,
		epochAt(now.AddDate(3, 0, 0)):     true,
		strings.Repeat("z", sse.MaxEpoch): false,
	} {
		next, err := l.nextEpoch(&entry{epoch: newest})
		if (err == nil) != want || want && !sse.IsLaterEpoch(next, newest) {
			t.Errorf("after %s comes %q, %v", newest, next, err)
		}
	}
}

func TestWhenTheEpochIsStatedAgain(t *testing.T) {
	t.Parallel()
	now := time.Unix(10_000, 0)
	l := New(Options{Now: func() time.Time { return now }, Limits: func() Limits { return Limits{Events: 3000, Bytes: 30 << 20, Age: time.Hour} }})
	seen := look{first: 1, last: 5000}
	for name, tt := range map[string]struct {
		m        mark
		position uint64
		want     bool
	}{
		"near the mark":                   {mark{at: 100, seen: now}, 1000, false},
		"many records behind it":          {mark{at: 100, seen: now}, 1200, true},
		"many bytes behind it":            {mark{at: 100, seen: now, bytes: 11 << 20}, 101, true},
		"long after it":                   {mark{at: 100, seen: now.Add(-21 * time.Minute)}, 101, true},
		"the mark has left the stream":    {mark{at: 0, seen: now}, 101, true},
		"a node that has not read it yet": {mark{at: 4000, seen: now}, 1000, false},
	} {
		if got := l.isDue(&tt.m, seen, tt.position); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
