package list

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// item is in two lists at a time at the most.
type item struct {
	name         int
	in, besideIn Node[item]
}

// names are those of the values in a list; its links must agree in both directions.
func names(t *testing.T, l *List[item]) []int {
	t.Helper()
	var forwards, backwards []int
	for i := range l.All() {
		forwards = append(forwards, i.name)
	}
	for n := l.last; n != nil; n = n.prev {
		backwards = append(backwards, n.owner.name)
	}
	slices.Reverse(backwards)
	if !slices.Equal(forwards, backwards) || len(forwards) != l.Len() {
		t.Fatalf("forwards %v, backwards %v, length %d", forwards, backwards, l.Len())
	}
	if first := l.First(); (first == nil) != (len(forwards) == 0) || first != nil && first.name != forwards[0] {
		t.Fatalf("the first of %v is %+v", forwards, first)
	}
	return forwards
}

func TestList(t *testing.T) {
	var l, beside List[item]
	a, b, c := &item{name: 1}, &item{name: 2}, &item{name: 3}
	want := func(list *List[item], want ...int) {
		t.Helper()
		if got := names(t, list); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	want(&l)
	l.Push(&b.in, b)
	l.Push(&c.in, c)
	l.PushFirst(&a.in, a)
	want(&l, 1, 2, 3)
	for _, i := range []*item{c, a} {
		beside.Push(&i.besideIn, i)
	}
	l.Remove(&b.in)
	want(&l, 1, 3)
	want(&beside, 3, 1)
	l.Remove(&a.in)
	l.Remove(&c.in)
	want(&l)
	want(&beside, 3, 1)
	l.PushFirst(&c.in, c) // a node is as new when it was removed
	want(&l, 3)
	for range l.All() {
		break
	}
}

// TestListAgainstAModel does at random to lists what is done to slices.
func TestListAgainstAModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var lists [3]List[item]
	var model [3][]int
	items := make([]item, 12)
	where := make([]int, len(items)) // the list that each is in, from 1; 0: none
	for i := range items {
		items[i].name = i
	}
	for range 20_000 {
		i, l := random.IntN(len(items)), random.IntN(len(lists))
		it := &items[i]
		switch at := where[i] - 1; {
		case at >= 0:
			lists[at].Remove(&it.in)
			model[at] = slices.DeleteFunc(model[at], func(name int) bool { return name == i })
			where[i] = 0
		case random.IntN(2) == 0:
			lists[l].Push(&it.in, it)
			model[l] = append(model[l], i)
			where[i] = l + 1
		default:
			lists[l].PushFirst(&it.in, it)
			model[l] = slices.Insert(model[l], 0, i)
			where[i] = l + 1
		}
		for l := range lists {
			if got := names(t, &lists[l]); !slices.Equal(got, model[l]) {
				t.Fatalf("list %d is %v, want %v", l, got, model[l])
			}
		}
	}
}

func TestMistakesPanic(t *testing.T) {
	panics := func(name string, do func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s: no panic", name)
			}
		}()
		do()
	}
	var l, other List[item]
	i := &item{}
	panics("removed from nothing", func() { l.Remove(&i.in) })
	l.Push(&i.in, i)
	panics("pushed twice", func() { l.Push(&i.in, i) })
	panics("in two lists", func() { other.PushFirst(&i.in, i) })
	l.Remove(&i.in)
	panics("removed twice", func() { l.Remove(&i.in) })
}

func TestNothingIsAllocated(t *testing.T) {
	var l List[item]
	a, b := &item{name: 1}, &item{name: 2}
	sum := 0
	if n := testing.AllocsPerRun(100, func() {
		l.Push(&a.in, a)
		l.PushFirst(&b.in, b)
		for i := range l.All() {
			sum += i.name
		}
		l.Remove(&a.in)
		l.Remove(&b.in)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if sum != 3*101 {
		t.Errorf("went through %d", sum)
	}
}

func BenchmarkPushRemove(b *testing.B) {
	items := make([]item, 1024)
	var l List[item]
	b.ReportAllocs()
	for b.Loop() {
		for i := range items {
			l.Push(&items[i].in, &items[i])
		}
		for i := range items {
			l.Remove(&items[i].in)
		}
	}
}
