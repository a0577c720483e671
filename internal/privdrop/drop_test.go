package privdrop

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/threads"
)

// fakeKernel notes the calls and answers like a kernel, with faults on demand.
type fakeKernel struct {
	euid    int
	calls   []string
	fail    string // the call that fails
	returns string // the call that gets root back
	threads []threads.Status
	blind   bool    // /proc cannot be read
	last    uintptr // the last capability that it knows; 0: all 64

	bounding int // capabilities taken out of the bounding set
}

var errFake = errors.New("fake fault")

func (k *fakeKernel) call(name string) error {
	k.calls = append(k.calls, name)
	if k.fail == name {
		return errFake
	}
	return nil
}

// after is a call that must fail once root was given up.
func (k *fakeKernel) after(name string) error {
	k.calls = append(k.calls, name)
	if k.returns == name {
		return nil
	}
	return syscall.EPERM
}

func (k *fakeKernel) system() system {
	return system{
		geteuid:   func() int { return k.euid },
		setgroups: func([]int) error { return k.call("setgroups") },
		setresgid: func(int, int, int) error { return k.call("setresgid") },
		setresuid: func(int, int, int) error { return k.call("setresuid") },
		setuid:    func(int) error { return k.after("setuid") },
		setgid:    func(int) error { return k.after("setgid") },
		prctl: func(option int, a2, a3 uintptr) error {
			if option != unix.PR_CAPBSET_DROP {
				return k.call(fmt.Sprintf("prctl %d %d %d", option, a2, a3))
			}
			if k.last > 0 && a2 > k.last {
				return syscall.EINVAL
			}
			if k.bounding++; a2 > 0 {
				return nil // noting it once is enough
			}
			return k.call("bounding")
		},
		dropCapabilities: func() error { return k.call("capset") },
		coreLimit:        func(bytes uint64) error { return k.call(fmt.Sprintf("core %d", bytes)) },
		threads: func() ([]threads.Status, error) {
			if k.blind {
				return nil, errFake
			}
			return k.threads, nil
		},
	}
}

var www = Identity{UID: 33, GID: 34, Name: "www"}

func threadOf(id string, uid, gid int) threads.Status {
	return threads.Status{ID: id, UIDs: [4]int{uid, uid, uid, uid}, GIDs: [4]int{gid, gid, gid, gid}}
}

func TestDropGivesUpGroupsFirstAndTriesTheWayBack(t *testing.T) {
	k := &fakeKernel{threads: []threads.Status{threadOf("1", 33, 34), threadOf("2", 33, 34)}}
	if err := drop(k.system(), www); err != nil {
		t.Fatal(err)
	}
	if want := []string{"setgroups", "setresgid", "setresuid", "setuid", "setgid"}; !slices.Equal(k.calls, want) {
		t.Errorf("calls are %q, want %q", k.calls, want)
	}
}

func TestDropRefusesToGoOn(t *testing.T) {
	good := threadOf("1", 33, 34)
	change := func(f func(*threads.Status)) []threads.Status {
		bad := threadOf("7", 33, 34)
		f(&bad)
		return []threads.Status{good, bad}
	}
	for _, c := range []struct {
		name   string
		kernel fakeKernel
		want   string
	}{
		{"setgroups fails", fakeKernel{fail: "setgroups"}, "give up supplementary groups: fake fault"},
		{"setresgid fails", fakeKernel{fail: "setresgid"}, "become group 34: fake fault"},
		{"setresuid fails", fakeKernel{fail: "setresuid"}, "become user 33: fake fault"},
		{"/proc cannot be read", fakeKernel{blind: true}, "look at the threads: fake fault"},
		{"the bounding set stays", fakeKernel{fail: "bounding", threads: []threads.Status{{Bounding: 1, Effective: 1 << unix.CAP_SETPCAP}}}, "bounding set: fake fault"},
		{"a thread kept its user", fakeKernel{threads: change(func(th *threads.Status) { th.UIDs[2] = 0 })}, "thread 7: its users are [33 33 0 33]"},
		{"a thread kept its group", fakeKernel{threads: change(func(th *threads.Status) { th.GIDs[0] = 0 })}, "thread 7: its groups are"},
		{"a thread kept supplementary groups", fakeKernel{threads: change(func(th *threads.Status) { th.Groups = []int{0, 4} })}, "thread 7: its supplementary groups are [0 4]"},
		{"a thread kept capabilities", fakeKernel{threads: change(func(th *threads.Status) { th.Permitted = 1 })}, "thread 7: it has capabilities left"},
		{"setuid(0) succeeds", fakeKernel{threads: []threads.Status{good}, returns: "setuid"}, "root could be taken back"},
		{"setgid(0) succeeds", fakeKernel{threads: []threads.Status{good}, returns: "setgid"}, "root's group could be taken back"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := drop(c.kernel.system(), www)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestRootsGroupMayBeAskedFor(t *testing.T) {
	k := &fakeKernel{threads: []threads.Status{threadOf("1", 33, 0)}, returns: "setgid"}
	if err := drop(k.system(), Identity{UID: 33, GID: 0}); err != nil {
		t.Error(err)
	}
}

func TestAnIdentityMustBeResolved(t *testing.T) {
	for _, id := range []Identity{{}, {UID: -1, GID: 1}, {UID: 1, GID: -1}, {GID: 5}} {
		k := &fakeKernel{}
		if err := drop(k.system(), id); err == nil || len(k.calls) > 0 {
			t.Errorf("%+v: got %v after the calls %q", id, err, k.calls)
		}
	}
}

func TestAProcessThatIsNotRootStaysWhoItIs(t *testing.T) {
	k := &fakeKernel{euid: 33, threads: []threads.Status{{ID: "1", UIDs: [4]int{33, 33, 33, 33}, GIDs: [4]int{34, 34, 34, 34}, Groups: []int{50}}}}
	if err := drop(k.system(), www); err != nil {
		t.Error(err)
	}
	if want := []string{"setuid", "setgid"}; !slices.Equal(k.calls, want) {
		t.Errorf("calls are %q, want %q", k.calls, want)
	}
}

func TestAProcessThatIsNotRootCannotBecomeAnother(t *testing.T) {
	for name, kernel := range map[string]fakeKernel{
		"user":                {euid: 40, threads: []threads.Status{threadOf("1", 40, 34)}},
		"group":               {euid: 33, threads: []threads.Status{threadOf("1", 33, 40)}},
		"saved root":          {euid: 33, threads: []threads.Status{{UIDs: [4]int{33, 33, 0, 33}, GIDs: [4]int{34, 34, 34, 34}}}},
		"set-user-ID program": {euid: 33, threads: []threads.Status{threadOf("1", 33, 34)}, returns: "setuid"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := drop(kernel.system(), www); err == nil {
				t.Error("it was accepted")
			} else if name != "set-user-ID program" && !strings.Contains(err.Error(), "only root can, and this process is not root") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDropEmptiesTheBoundingSetWhileItMay(t *testing.T) {
	full := threads.Status{Bounding: 1<<41 - 1, Effective: 1 << unix.CAP_SETPCAP}
	k := &fakeKernel{threads: []threads.Status{full}, last: 40}
	if err := drop(k.system(), www); err == nil {
		t.Error("threads that kept everything were accepted")
	}
	if k.calls[0] != "bounding" || k.bounding != 41 {
		t.Errorf("%d capabilities left the set, calls are %q", k.bounding, k.calls)
	}
	full.Effective = 0
	k = &fakeKernel{threads: []threads.Status{full}}
	_ = drop(k.system(), www)
	if k.bounding != 0 {
		t.Error("the bounding set was changed without the right to")
	}
}
