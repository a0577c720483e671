package privdrop

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/threads"
)

func sealedThread(id string) threads.Status {
	s := threadOf(id, 33, 34)
	s.NoNewPrivs = true
	return s
}

func TestSealGivesUpEverythingThereIs(t *testing.T) {
	k := &fakeKernel{euid: 33, threads: []threads.Status{sealedThread("1"), sealedThread("2")}}
	if err := seal(k.system()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"prctl 38 1 0", "prctl 4 0 0", "core 0"}; !slices.Equal(k.calls, want) {
		t.Errorf("without capabilities calls are %q, want %q", k.calls, want)
	}
	k.calls, k.threads[1].Ambient = nil, 1<<unix.CAP_NET_BIND_SERVICE
	if err := seal(k.system()); err == nil {
		t.Error("a thread that kept its capability was accepted")
	}
	if want := []string{"capset", "prctl 38 1 0", "prctl 4 0 0", "core 0"}; !slices.Equal(k.calls, want) {
		t.Errorf("with a capability calls are %q, want %q", k.calls, want)
	}
}

func TestSealGoesOnWhereOneThingCannotBeGivenUp(t *testing.T) {
	k := &fakeKernel{euid: 33, fail: "capset", threads: []threads.Status{{Permitted: 1}}}
	if err := seal(k.system()); err == nil {
		t.Error("it was kept silent about")
	}
	if want := []string{"capset", "prctl 38 1 0", "prctl 4 0 0", "core 0"}; !slices.Equal(k.calls, want) {
		t.Errorf("calls are %q, want %q", k.calls, want)
	}
}

func TestSealRefusesToGoOn(t *testing.T) {
	change := func(f func(*threads.Status)) []threads.Status {
		bad := sealedThread("7")
		f(&bad)
		return []threads.Status{sealedThread("1"), bad}
	}
	root := threads.Status{Bounding: 1, Effective: 1 << unix.CAP_SETPCAP}
	for _, c := range []struct {
		name   string
		kernel fakeKernel
		want   string
	}{
		{"/proc cannot be read", fakeKernel{blind: true}, "look at the threads: fake fault"},
		{"the bounding set stays", fakeKernel{fail: "bounding", threads: []threads.Status{root}}, "bounding set: fake fault"},
		{"capset fails", fakeKernel{fail: "capset", threads: []threads.Status{root}}, "give up capabilities: fake fault"},
		{"no_new_privs fails", fakeKernel{fail: "prctl 38 1 0"}, "set no_new_privs: fake fault"},
		{"dumpable fails", fakeKernel{fail: "prctl 4 0 0"}, "looking into the process: fake fault"},
		{"the core limit fails", fakeKernel{fail: "core 0"}, "core dumps: fake fault"},
		{"a thread kept a capability", fakeKernel{threads: change(func(th *threads.Status) { th.Ambient = 1 })}, "thread 7: it has capabilities left"},
		{"a thread can inherit one", fakeKernel{threads: change(func(th *threads.Status) { th.Inheritable = 1 })}, "thread 7: it has inheritable capabilities left"},
		{"a thread can get new rights", fakeKernel{threads: change(func(th *threads.Status) { th.NoNewPrivs = false })}, "thread 7: it could get rights"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := seal(c.kernel.system())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}
