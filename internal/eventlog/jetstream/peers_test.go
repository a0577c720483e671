package jetstream

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestPeersAreForgotten(t *testing.T) {
	t.Parallel()
	var p peers
	at := time.Unix(1000, 0)
	p.heard(Hello{Node: "b", Boot: "2", Streams: 5}, at)
	p.heard(Hello{Node: "a", Boot: "9"}, at.Add(time.Second))
	p.heard(Hello{Node: "a", Boot: "1"}, at.Add(time.Second)) // it was restarted
	p.heard(Hello{Node: "b", Boot: "2", Streams: 6}, at.Add(time.Second))
	names := ""
	for _, one := range p.list(at.Add(2 * time.Second)) {
		names += fmt.Sprintf("%s%s:%d ", one.Node, one.Boot, one.Streams)
	}
	if names != "a1:0 a9:0 b2:6 " {
		t.Errorf("known are %s", names)
	}
	if left := p.list(at.Add(time.Second + goneAfter + 1)); len(left) > 0 {
		t.Errorf("after a time without a word: %v", left)
	}
	if len(p.expected()) != 3 {
		t.Errorf("nothing was heard since, and %v are expected to answer", p.expected())
	}
	for i := range 2 * maxPeers {
		p.heard(Hello{Node: "x", Boot: fmt.Sprint(i)}, at)
	}
	if n := len(p.known); n != maxPeers {
		t.Errorf("%d are known", n)
	}
}

func TestWhatANodeMayTellOfItself(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxText+1)
	for _, tc := range []struct {
		hello Hello
		want  bool
	}{
		{Hello{Node: "a", Boot: "1", Version: "0.1.0", Position: "k3f9-7", Streams: 5, LagSeconds: 0.5}, true},
		{Hello{Node: "edge1.example.org", Boot: "1"}, true},
		{Hello{Node: "a"}, false},
		{Hello{Boot: "1"}, false},
		{Hello{Node: long, Boot: "1"}, false},
		{Hello{Node: "a", Boot: long}, false},
		{Hello{Node: "a", Boot: "1", Version: long}, false},
		{Hello{Node: "a", Boot: "1", Position: long}, false},
		{Hello{Node: "a", Boot: "1", Streams: -1}, false},
		{Hello{Node: "a", Boot: "1", LagSeconds: -1}, false},
	} {
		if got := tc.hello.isValid(); got != tc.want {
			t.Errorf("%+v: %t", tc.hello, got)
		}
	}
}

// Nodes that are gone make room for others, even if nobody lists the nodes.
func TestNodesThatAreGoneMakeRoom(t *testing.T) {
	t.Parallel()
	var p peers
	now := time.Unix(1000, 0)
	for i := range maxPeers {
		p.heard(Hello{Node: "a", Boot: fmt.Sprint(i)}, now)
	}
	p.heard(Hello{Node: "b", Boot: "early"}, now)
	now = now.Add(2 * goneAfter)
	p.heard(Hello{Node: "b", Boot: "late", Full: true}, now)
	if !p.anyFull(now) {
		t.Error("a node is not known, because of nodes that are gone")
	}
	if all := p.list(now); len(all) != 1 || all[0].Boot != "late" {
		t.Errorf("known are %+v, want the one that came late alone", all)
	}
}
