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
	want := make(map[string][]uint64)
	for seq := range uint64(20000) {
		if n := name(); r.IntN(3) > 0 && seq < 15000 {
			tree.push(n, seq)
			want[n] = append(want[n], seq)
		} else if len(want[n]) > 0 {
			tree.pop(n)
			if want[n] = want[n][1:]; len(want[n]) == 0 {
				delete(want, n)
			}
		}
		if seq%100 == 0 {
			count := make(map[Target]int)
			for n, seqs := range want {
				count[Target{Kind: ToPrefix, Name: n}] = len(seqs)
			}
			if held, err := tree.root.check("", count); err != nil || held != len(want) || tree.n != len(want) {
				t.Fatalf("the tree holds %d prefixes and counts %d, want %d; %v", held, tree.n, len(want), err)
			}
		}
		room, found := name(), 0
		tree.along(room, func(n *prefixNode) { found += n.seqs.len() })
		for n, seqs := range want {
			if strings.HasPrefix(room, n) {
				found -= len(seqs)
			}
		}
		if found != 0 {
			t.Fatalf("for room %s, %d numbers too many were found", room, found)
		}
	}
	for n, seqs := range want {
		node := tree.find(n)
		for i, seq := range seqs {
			if node.seqs.at(i) != seq {
				t.Fatalf("the numbers of %s are not %v", n, seqs)
			}
		}
		for range seqs {
			tree.pop(n)
		}
	}
	if tree.n != 0 || len(tree.root.children) != 0 || !slices.Equal(tree.root.first, nil) {
		t.Error("an empty tree keeps nodes")
	}
}
