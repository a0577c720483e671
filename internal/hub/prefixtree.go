package hub

import (
	"bytes"
	"strings"
)

// prefixTree keeps, for each prefix that messages of the history were sent to, the numbers of those messages. It is a
// radix tree: which prefixes a room begins with is found by going down along its name once, however many prefixes there
// are and however long they are. The zero value is empty.
type prefixTree struct {
	root prefixNode
	n    int // prefixes that hold numbers
}

// prefixNode stands for the labels from the root down to it. But for the root, it holds numbers or has two children.
type prefixNode struct {
	label    string       // never empty but at the root
	seqs     fifo[uint64] // ascending; empty: nobody has sent to this prefix
	scan     uint64       // the last scan that met it, see history.heads
	first    []byte       // of the label of each child
	children []*prefixNode
}

func (n *prefixNode) child(first byte) int { return bytes.IndexByte(n.first, first) }

// along calls visit for every prefix of name that holds numbers, the shortest first. It answers how many nodes it passed.
func (t *prefixTree) along(name string, visit func(*prefixNode)) (passed uint64) {
	for n := &t.root; name != ""; passed++ {
		i := n.child(name[0])
		if i < 0 {
			break
		}
		n = n.children[i]
		if !strings.HasPrefix(name, n.label) {
			break
		}
		name = name[len(n.label):]
		if n.seqs.len() > 0 {
			visit(n)
		}
	}
	return passed
}

// find returns the node of exactly that prefix, or nil.
func (t *prefixTree) find(name string) *prefixNode {
	n := &t.root
	for name != "" {
		i := n.child(name[0])
		if i < 0 || !strings.HasPrefix(name, n.children[i].label) {
			return nil
		}
		n = n.children[i]
		name = name[len(n.label):]
	}
	return n
}

// push adds the number of a message to the prefix name, which is not empty.
func (t *prefixTree) push(name string, seq uint64) {
	n := &t.root
	for name != "" {
		i := n.child(name[0])
		if i < 0 {
			n = n.add(&prefixNode{label: name})
			break
		}
		next := n.children[i]
		same := commonPrefix(name, next.label)
		if same < len(next.label) {
			// The child begins like name: what they share becomes a node between.
			between := &prefixNode{label: next.label[:same]}
			n.children[i] = between
			next.label = next.label[same:]
			between.add(next)
			next = between
		}
		n, name = next, name[same:]
	}
	if n.seqs.len() == 0 {
		t.n++
	}
	n.seqs.push(seq)
}

// pop removes the oldest number of the prefix name, which holds some.
func (t *prefixTree) pop(name string) { t.root.pop(t, name) }

func (n *prefixNode) pop(t *prefixTree, name string) {
	if name == "" {
		if n.seqs.pop(); n.seqs.len() == 0 {
			n.seqs = fifo[uint64]{}
			t.n--
		}
		return
	}
	i := n.child(name[0])
	c := n.children[i]
	c.pop(t, name[len(c.label):])
	if c.seqs.len() > 0 {
		return
	}
	switch len(c.children) {
	case 0:
		n.drop(i)
	case 1:
		only := c.children[0]
		only.label = c.label + only.label
		n.children[i] = only
	}
}

func (n *prefixNode) add(c *prefixNode) *prefixNode {
	n.first = append(n.first, c.label[0])
	n.children = append(n.children, c)
	return c
}

func (n *prefixNode) drop(i int) {
	last := len(n.children) - 1
	n.first[i], n.children[i] = n.first[last], n.children[last]
	n.children[last] = nil
	n.first, n.children = n.first[:last], n.children[:last]
	if last == 0 {
		n.first, n.children = nil, nil
	}
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
