package privdrop

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// fakeKernel notes the calls and answers like a kernel, with faults on demand.
type fakeKernel struct {
	euid    int
	calls   []string
	fail    string // the call that fails
	returns string // the call that gets root back
	threads []thread
	blind   bool // /proc cannot be read
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
		threads: func() ([]thread, error) {
			if k.blind {
				return nil, errFake
			}
			return k.threads, nil
		},
	}
}

var www = Identity{UID: 33, GID: 34, Name: "www"}

func threadOf(id string, uid, gid int) thread {
	return thread{id: id, uids: [4]int{uid, uid, uid, uid}, gids: [4]int{gid, gid, gid, gid}}
}

func TestDropGivesUpGroupsFirstAndTriesTheWayBack(t *testing.T) {
	k := &fakeKernel{threads: []thread{threadOf("1", 33, 34), threadOf("2", 33, 34)}}
	if err := drop(k.system(), www); err != nil {
		t.Fatal(err)
	}
	if want := []string{"setgroups", "setresgid", "setresuid", "setuid", "setgid"}; !slices.Equal(k.calls, want) {
		t.Errorf("calls are %q, want %q", k.calls, want)
	}
}

func TestDropRefusesToGoOn(t *testing.T) {
	good := threadOf("1", 33, 34)
	change := func(f func(*thread)) []thread {
		bad := threadOf("7", 33, 34)
		f(&bad)
		return []thread{good, bad}
	}
	for _, c := range []struct {
		name   string
		kernel fakeKernel
		want   string
	}{
		{"setgroups fails", fakeKernel{fail: "setgroups"}, "give up supplementary groups: fake fault"},
		{"setresgid fails", fakeKernel{fail: "setresgid"}, "become group 34: fake fault"},
		{"setresuid fails", fakeKernel{fail: "setresuid"}, "become user 33: fake fault"},
		{"/proc cannot be read", fakeKernel{blind: true}, "verify the threads: fake fault"},
		{"/proc is empty", fakeKernel{}, "none was found"},
		{"a thread kept its user", fakeKernel{threads: change(func(th *thread) { th.uids[2] = 0 })}, "thread 7: its users are [33 33 0 33]"},
		{"a thread kept its group", fakeKernel{threads: change(func(th *thread) { th.gids[0] = 0 })}, "thread 7: its groups are"},
		{"a thread kept supplementary groups", fakeKernel{threads: change(func(th *thread) { th.groups = []int{0, 4} })}, "thread 7: its supplementary groups are [0 4]"},
		{"a thread kept capabilities", fakeKernel{threads: change(func(th *thread) { th.permitted = 1 })}, "thread 7: it has capabilities left"},
		{"setuid(0) succeeds", fakeKernel{threads: []thread{good}, returns: "setuid"}, "root could be taken back"},
		{"setgid(0) succeeds", fakeKernel{threads: []thread{good}, returns: "setgid"}, "root's group could be taken back"},
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
	k := &fakeKernel{threads: []thread{threadOf("1", 33, 0)}, returns: "setgid"}
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
	k := &fakeKernel{euid: 33, threads: []thread{{id: "1", uids: [4]int{33, 33, 33, 33}, gids: [4]int{34, 34, 34, 34}, groups: []int{50}}}}
	if err := drop(k.system(), www); err != nil {
		t.Error(err)
	}
	if want := []string{"setuid", "setgid"}; !slices.Equal(k.calls, want) {
		t.Errorf("calls are %q, want %q", k.calls, want)
	}
}

func TestAProcessThatIsNotRootCannotBecomeAnother(t *testing.T) {
	for name, kernel := range map[string]fakeKernel{
		"user":                {euid: 40, threads: []thread{threadOf("1", 40, 34)}},
		"group":               {euid: 33, threads: []thread{threadOf("1", 33, 40)}},
		"saved root":          {euid: 33, threads: []thread{{uids: [4]int{33, 33, 0, 33}, gids: [4]int{34, 34, 34, 34}}}},
		"set-user-ID program": {euid: 33, threads: []thread{threadOf("1", 33, 34)}, returns: "setuid"},
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
