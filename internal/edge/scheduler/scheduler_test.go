package scheduler

import (
	"slices"
	"testing"
)

// job is an owner that costs the same at each visit.
type job struct {
	name    string
	records int
	node    Node[job]
}

func jobNode(j *job) *Node[job] { return &j.node }

func schedule(q *Queues[job], j *job, p Priority, position uint64) {
	q.Schedule(&j.node, j, p, position)
}

// ran returns the names of the jobs in the order in which one turn visits them.
func ran(q *Queues[job]) (names []string) {
	q.Run(func(j *job) int {
		q.Cancel(&j.node)
		names = append(names, j.name)
		return j.records
	})
	return names
}

func TestHigherPrioritiesGoFirst(t *testing.T) {
	q := New(jobNode)
	for name, p := range map[string]Priority{"low": Low, "high": High, "normal": Normal} {
		schedule(q, &job{name: name, records: 1}, p, 0)
	}
	if got, want := ran(q), []string{"high", "normal", "low"}; !slices.Equal(got, want) {
		t.Errorf("ran %v, want %v", got, want)
	}
	if q.Waiting() {
		t.Error("somebody is still scheduled")
	}
}

func TestAnOwnerMovesUpButNotDown(t *testing.T) {
	q := New(jobNode)
	j := &job{}
	for _, step := range []struct{ to, want Priority }{{Normal, Normal}, {Low, Normal}, {Normal, Normal}, {High, High}, {Low, High}} {
		schedule(q, j, step.to, 0)
		if got := j.node.Priority(); got != step.want {
			t.Errorf("scheduled as %d: is %d, want %d", step.to, got, step.want)
		}
	}
	if n := q.Len(High) + q.Len(Normal) + q.Len(Low); n != 1 {
		t.Errorf("it is in the queues %d times", n)
	}
	q.Cancel(&j.node)
	q.Cancel(&j.node)
	if q.Waiting() || j.node.Priority() != None || q.Len(None) != 0 {
		t.Error("it is still scheduled")
	}
}

func TestEachPriorityKeepsItsShareOfATurn(t *testing.T) {
	q := New(jobNode)
	for range 2 * Budget {
		schedule(q, &job{name: "high", records: 1}, High, 0)
		schedule(q, &job{name: "normal", records: 1}, Normal, 0)
		schedule(q, &job{name: "low", records: 1}, Low, 0)
	}
	got := make(map[string]int)
	for _, name := range ran(q) {
		got[name]++
	}
	if got["high"] != highShare || got["low"] != lowShare || got["high"]+got["normal"]+got["low"] != Budget {
		t.Errorf("one turn visited %v", got)
	}
}

func TestWhatLowLeavesIsForNormal(t *testing.T) {
	q := New(jobNode)
	for range 2 * Budget {
		schedule(q, &job{name: "normal", records: 1}, Normal, 0)
	}
	if n := len(ran(q)); n != Budget {
		t.Errorf("%d visits, want the whole budget", n)
	}
}

func TestBacklogIsThatOfTheOldest(t *testing.T) {
	q := New(jobNode)
	first, second := &job{}, &job{}
	schedule(q, first, Low, 100)
	schedule(q, second, High, 250)
	schedule(q, first, Normal, 300) // keeps its age
	if got := q.Backlog(400); got != 300 {
		t.Errorf("backlog %d, want 300", got)
	}
	q.Cancel(&first.node)
	if got := q.Backlog(400); got != 150 {
		t.Errorf("backlog %d, want 150", got)
	}
	q.Cancel(&second.node)
	if got := q.Backlog(400); got != 0 {
		t.Errorf("backlog %d of nobody", got)
	}
}

func TestBacklogWherePositionsOverflow(t *testing.T) {
	q := New(jobNode)
	j := &job{}
	schedule(q, j, High, 1<<32-100)
	if got := q.Backlog(1<<32 + 50); got != 150 {
		t.Errorf("backlog %d, want 150", got)
	}
	q.Cancel(&j.node)
}

func TestOwnersLeaveFromAnyPlace(t *testing.T) {
	for leaver, want := range map[string][]string{"a": {"b", "c"}, "b": {"a", "c"}, "c": {"a", "b"}} {
		q := New(jobNode)
		jobs := map[string]*job{}
		for _, name := range []string{"a", "b", "c"} {
			jobs[name] = &job{name: name, records: 1}
			schedule(q, jobs[name], High, 0)
		}
		q.Cancel(&jobs[leaver].node)
		if got := ran(q); !slices.Equal(got, want) {
			t.Errorf("without %s: ran %v, want %v", leaver, got, want)
		}
	}
}

func TestSchedulingAllocatesNothing(t *testing.T) {
	q := New(jobNode)
	jobs := make([]job, 10)
	if n := testing.AllocsPerRun(100, func() {
		for i := range jobs {
			schedule(q, &jobs[i], Normal, 0)
		}
		q.Backlog(1)
		q.Run(func(j *job) int { q.Cancel(&j.node); return 1 })
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
