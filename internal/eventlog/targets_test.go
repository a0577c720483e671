package eventlog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hassesd/hassesd/internal/names"
)

// parse reads targets as names.ParseTarget does.
func parse(t *testing.T, texts []string) (to []names.Target) {
	t.Helper()
	for _, text := range texts {
		target, err := names.ParseTarget(text)
		if err != nil {
			t.Fatal(err)
		}
		to = append(to, target)
	}
	return to
}

func TestReduce(t *testing.T) {
	tests := []struct {
		name string
		in   []string
		want []string
	}{
		{"one", []string{"a"}, []string{"a"}},
		{"doubles", []string{"b", "a", "b", "c*", "c*"}, []string{"a", "b", "c*"}},
		{"prefixes of each other", []string{"abc*", "a*", "b*", "ab*", "abd*"}, []string{"a*", "b*"}},
		{"prefixes side by side", []string{"ab*", "aa*", "b*"}, []string{"aa*", "ab*", "b*"}},
		{"rooms that a prefix covers", []string{"a", "ab", "abc", "ac", "ab*", "b"}, []string{"a", "ac", "b", "ab*"}},
		{"everybody beside others", []string{"a", "*", "b*"}, []string{"*"}},
	}
	for _, tt := range tests {
		got, err := Reduce(parse(t, tt.in))
		want := parse(t, tt.want)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: Reduce(%v) = %v, %v, want %v", tt.name, tt.in, got, err, want)
		}
	}
}

// TestReduceReachesTheSameRooms compares what is left of targets with all of them.
func TestReduceReachesTheSameRooms(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	name := func() string {
		b := make([]byte, 1+r.IntN(5))
		for i := range b {
			b[i] = "ab\xc3"[r.IntN(2)]
		}
		return string(b)
	}
	for range 2000 {
		var to []names.Target
		for range 1 + r.IntN(12) {
			to = append(to, names.Target{Kind: names.Kind(r.IntN(2)), Name: name()})
		}
		less, err := Reduce(to)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			room := name()
			has := func(one names.Target) bool { return one.Has(room) }
			hits := 0
			for _, one := range less {
				if has(one) {
					hits++
				}
			}
			if want := slices.ContainsFunc(to, has); want != (hits > 0) || hits > 1 {
				t.Fatalf("room %s: %v reaches it %v; of %v, %d do", room, to, want, less, hits)
			}
			rooms, prefixes := less.Split()
			_, exact := rooms.Find(room)
			_, covered := prefixes.PrefixOf(room)
			if (exact || covered) != (hits > 0) {
				t.Fatalf("room %s: found %v, by a prefix %v, among %v", room, exact, covered, less)
			}
		}
	}
}

// apart are prefixes that do not cover each other.
func apart(n int) []names.Target {
	var to []names.Target
	for i := range n {
		to = append(to, names.Target{Kind: names.Prefix, Name: fmt.Sprintf("p%04d-", i)})
	}
	return to
}
