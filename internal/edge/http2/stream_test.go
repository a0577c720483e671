package http2

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkStreamList removes as many streams as a connection may have, the newest first, as the end
// of their connection does.
func BenchmarkStreamList(b *testing.B) {
	var all streamList
	for i := range uint32(10_000) {
		all = append(all, &Stream{id: 2*i + 1})
	}
	for b.Loop() {
		list := all.clone()
		for len(list) > 0 {
			list.remove(list[len(list)-1])
		}
	}
}

func TestStreamList(t *testing.T) {
	t.Parallel()
	const streams = 1000
	var list streamList
	for i := range uint32(streams) {
		list = append(list, &Stream{id: 2*i + 1})
	}
	for _, i := range rand.Perm(streams) {
		id := uint32(2*i + 1)
		s := list.find(id)
		if s == nil || s.id != id || list.find(id+1) != nil {
			t.Fatalf("stream %d is %v", id, s)
		}
		list.remove(s)
		if list.find(id) != nil {
			t.Fatalf("stream %d is still there", id)
		}
	}
	if list != nil {
		t.Errorf("%d streams are left", len(list))
	}
}
