package bench

import (
	"slices"
	"testing"
)

func TestOpeningsAreBoundedAndInOrder(t *testing.T) {
	t.Parallel()
	o := newOpenings[int](2)
	if _, ok := o.next(); ok || !o.isDone() {
		t.Fatal("nothing was added, and something is to be opened")
	}
	for n := range 4 {
		o.add(n)
	}
	var opened []int
	open := func() {
		for n, ok := o.next(); ok; n, ok = o.next() {
			o.begin(n)
			opened = append(opened, n)
		}
	}
	open()
	if !slices.Equal(opened, []int{0, 1}) || o.pending.Load() != 2 {
		t.Errorf("opened %v, %d pending; want two", opened, o.pending.Load())
	}
	o.end(1)
	open()
	if !slices.Equal(opened, []int{0, 1, 2}) {
		t.Errorf("opened %v after one was done", opened)
	}
	o.end(0)
	o.retry(0)
	o.end(2)
	open()
	o.end(3)
	if o.isDone() {
		t.Error("one is to be tried again, and all are done")
	}
	if due := o.tick(); !slices.Equal(due, []int{0}) || o.tick() != nil {
		t.Errorf("to be tried again: %v", due)
	}
	if !o.isDone() || o.pending.Load() != 0 {
		t.Error("all are done, and something is left")
	}
}
