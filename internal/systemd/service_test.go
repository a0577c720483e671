package systemd

import (
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		env  []string
		want Service
		err  string // what the error must say; empty: none
	}{
		{name: "no service manager", env: []string{"HOME=/root"}},
		{name: "notify", env: []string{"NOTIFY_SOCKET=/run/systemd/notify"}, want: Service{NotifySocket: "/run/systemd/notify"}},
		{
			name: "two sockets with names",
			env:  []string{"LISTEN_PID=7", "LISTEN_FDS=2", "LISTEN_FDNAMES=https:control"},
			want: Service{Sockets: []Socket{{"https", 3}, {"control", 4}}},
		},
		{name: "sockets without names", env: []string{"LISTEN_PID=7", "LISTEN_FDS=2"}, want: Service{Sockets: []Socket{{"", 3}, {"", 4}}}},
		{name: "one with an empty name", env: []string{"LISTEN_PID=7", "LISTEN_FDS=2", "LISTEN_FDNAMES=:a"}, want: Service{Sockets: []Socket{{"", 3}, {"a", 4}}}},
		{name: "sockets of somebody else", env: []string{"LISTEN_PID=8", "LISTEN_FDS=many"}},
		{name: "sockets of nobody", env: []string{"LISTEN_FDS=2"}},
		{name: "none", env: []string{"LISTEN_PID=7", "LISTEN_FDS=0"}},
		{name: "none, with names", env: []string{"LISTEN_PID=7", "LISTEN_FDS=0", "LISTEN_FDNAMES="}},
		{name: "no number", env: []string{"LISTEN_PID=7"}},
		{name: "a number that is none", env: []string{"LISTEN_PID=7", "LISTEN_FDS=x"}, err: `LISTEN_FDS="x"`},
		{name: "fewer than none", env: []string{"LISTEN_PID=7", "LISTEN_FDS=-1"}, err: "LISTEN_FDS"},
		{name: "too many", env: []string{"LISTEN_PID=7", "LISTEN_FDS=1025"}, err: "LISTEN_FDS"},
		{name: "names of another number", env: []string{"LISTEN_PID=7", "LISTEN_FDS=2", "LISTEN_FDNAMES=a"}, err: "LISTEN_FDNAMES"},
		{name: "watchdog", env: []string{"WATCHDOG_PID=7", "WATCHDOG_USEC=30000000"}, want: Service{Watchdog: 30 * time.Second}},
		{name: "watchdog for whoever it is", env: []string{"WATCHDOG_USEC=1"}, want: Service{Watchdog: time.Microsecond}},
		{name: "watchdog of somebody else", env: []string{"WATCHDOG_PID=8", "WATCHDOG_USEC=nonsense"}},
		{name: "watchdog of no length", env: []string{"WATCHDOG_USEC=0"}, err: "WATCHDOG_USEC"},
		{name: "watchdog beyond all time", env: []string{"WATCHDOG_USEC=18446744073709551615"}, err: "WATCHDOG_USEC"},
		{name: "a negative watchdog", env: []string{"WATCHDOG_USEC=-5"}, err: "WATCHDOG_USEC"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(tc.env, 7)
			if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
				t.Fatalf("error %v, want one with %q", err, tc.err)
			}
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

// The child of TestInherit runs this: descriptors are only where the protocol has them in a process
// of its own.
func TestInheritInAChild(t *testing.T) {
	if os.Getenv("HASSESD_TEST_INHERIT") == "" {
		t.Skip("runs as a child of TestInherit")
	}
	s, err := Inherit(append(os.Environ(), "LISTEN_PID=7", "LISTEN_FDS=1", "LISTEN_FDNAMES=https"), 7)
	if err != nil {
		t.Fatal(err)
	}
	if want := []Socket{{"https", 3}}; !reflect.DeepEqual(s.Sockets, want) || s.NotifySocket != "/somewhere" {
		t.Errorf("inherited %+v", s)
	}
	if flags, err := unix.FcntlInt(3, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor 3: flags %x, error %v; want it to close on exec", flags, err)
	}
	for _, name := range variables {
		if value, ok := os.LookupEnv(name); ok {
			t.Errorf("%s=%s is still there", name, value)
		}
	}
	if _, err := Inherit([]string{"LISTEN_PID=7", "LISTEN_FDS=900"}, 7); err == nil {
		t.Error("descriptors that are not open were taken over")
	}
}

func TestInherit(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestInheritInAChild$", "-test.v")
	cmd.Env = append(os.Environ(), "HASSESD_TEST_INHERIT=1", "LISTEN_FDS=1", "NOTIFY_SOCKET=/somewhere", "LISTEN_PIDFDID=12")
	cmd.ExtraFiles = []*os.File{r}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestInheritInAChild") {
		t.Errorf("%v\n%s", err, out)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("2", "https:control", "1000000")
	f.Add("0", "", "")
	f.Add("1024", ":::", "9223372036854775")
	f.Add("-1", "a", "0")
	f.Fuzz(func(t *testing.T, fds, names, watchdog string) {
		s, err := parse([]string{"LISTEN_PID=1", "LISTEN_FDS=" + fds, "LISTEN_FDNAMES=" + names, "WATCHDOG_USEC=" + watchdog}, 1)
		if err != nil {
			return
		}
		if len(s.Sockets) > maxSockets || s.Watchdog < 0 {
			t.Errorf("%d sockets, watchdog %s", len(s.Sockets), s.Watchdog)
		}
		for i, socket := range s.Sockets {
			if socket.FD != firstFD+i || strings.Contains(socket.Name, ":") {
				t.Errorf("socket %d is %+v", i, socket)
			}
		}
	})
}
