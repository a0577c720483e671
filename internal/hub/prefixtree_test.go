package hub

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestPrefixTreeIsAMap compares the tree with a map and a search through all of it.
func TestPrefixTreeIsAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	name := func() string {
		b := make([]byte, 1+r.IntN(8))
		for i := range b {
			b[i] = 'a' + byte(r.IntN(3))
		}
		return string(b)
	}
	var tree prefixTree
	want := make(map[string]ordinals)
	for seq := range uint64(3000) {
		n := name()
		seqs := tree.at(n)
		*seqs = append(*seqs, seq)
		want[n] = append(want[n], seq)

		var got, expected ordinals
		room := name()
		passed := tree.along(room, func(n *prefixNode) {
			if len(n.label) == 0 || len(n.ordinals) == 0 {
				t.Fatal("visits a node that is nobody's")
			}
			got = append(got, n.ordinals...)
		})
		for n, seqs := range want {
			if strings.HasPrefix(room, n) {
				expected = append(expected, seqs...)
			}
		}
		slices.Sort(got)
		slices.Sort(expected)
		if !slices.Equal(got, expected) || passed > uint64(len(room)) {
			t.Fatalf("along %s were found %v, in %d steps; want %v", room, got, passed, expected)
		}
		if found := tree.find(room); len(want[room]) > 0 && (found == nil || !slices.Equal(*found, want[room])) {
			t.Fatalf("%s has %v, want %v", room, found, want[room])
		}
	}
	held, err := tree.root.check(func(of ordinals) (int, error) { return len(of), nil })
	if err != nil || held != 3000 {
		t.Errorf("the tree holds %d numbers, want 3000; %v", held, err)
	}
}
