package hub

import (
	"bytes"
	"strings"
)

// prefixTree keeps, for each prefix that messages were sent to, their ordinals. It is a radix tree:
// which prefixes a room begins with is found by going down along its name once, however many
// prefixes there are and however long they are. The zero value is empty.
type prefixTree struct{ root prefixNode }

// prefixNode stands for the labels from the root down to it. But for the root, it has ordinals or
// two children.
type prefixNode struct {
	label    string   // never empty but at the root
	ordinals ordinals // empty: nobody has sent to this prefix
	scan     uint64   // the last scan that met it, see history.heads
	first    []byte   // of the label of each child
	children []*prefixNode
}

func (n *prefixNode) child(first byte) int { return bytes.IndexByte(n.first, first) }

// along calls visit for every prefix of name that has ordinals, the shortest first. It returns how
// many nodes it passed.
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
		if len(n.ordinals) > 0 {
			visit(n)
		}
	}
	return passed
}

// find returns the ordinals of exactly that prefix, or nil.
func (t *prefixTree) find(name string) *ordinals {
	n := &t.root
	for name != "" {
		i := n.child(name[0])
		if i < 0 || !strings.HasPrefix(name, n.children[i].label) {
			return nil
		}
		n = n.children[i]
		name = name[len(n.label):]
	}
	return &n.ordinals
}

// at returns the ordinals of the prefix name, which is not empty, to be added to. Without ordinals
// it has no place in the tree.
func (t *prefixTree) at(name string) *ordinals {
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
	return &n.ordinals
}

// add makes c a child and returns it.
func (n *prefixNode) add(c *prefixNode) *prefixNode {
	n.first = append(n.first, c.label[0])
	n.children = append(n.children, c)
	return c
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
