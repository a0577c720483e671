package ops

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/systemd/systemdtest"
	"github.com/hassesd/hassesd/test/harness"
)

// filterVariable makes the test program a wrapper: it forbids itself all system calls except those
// whose numbers the variable holds, as systemd does for SystemCallFilter=, and then executes the
// program of its arguments.
const filterVariable = "TEST_ONLY_SYSTEM_CALLS"

func becomeFiltered(numbers string, line []string) error {
	var program []unix.SockFilter
	add := func(code uint16, jt, jf uint8, k uint32) {
		program = append(program, unix.SockFilter{Code: code, Jt: jt, Jf: jf, K: k})
	}
	add(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, 0, 0, 0) // seccomp_data.nr
	for text := range strings.SplitSeq(numbers, ",") {
		nr, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return err
		}
		add(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, 0, 1, uint32(nr))
		add(unix.BPF_RET|unix.BPF_K, 0, 0, unix.SECCOMP_RET_ALLOW)
	}
	add(unix.BPF_RET|unix.BPF_K, 0, 0, unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM))
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&filter)), 0, 0); err != nil {
		return err
	}
	return syscall.Exec(line[0], line, slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, filterVariable) }))
}

// allowed returns the system calls that the SystemCallFilter= lines of a unit allow, as
// systemd.exec(5) reads them.
func allowed(t *testing.T, unit string) map[string]bool {
	t.Helper()
	text := harness.ReadFile(t, unit)
	calls := systemCalls(t, "@default")
	for line := range strings.Lines(string(text)) {
		list, ok := strings.CutPrefix(strings.TrimSpace(line), "SystemCallFilter=")
		if !ok {
			continue
		}
		list, forbids := strings.CutPrefix(list, "~")
		for _, name := range strings.Fields(list) {
			for call := range systemCalls(t, name) {
				if forbids {
					delete(calls, call)
				} else {
					calls[call] = true
				}
			}
		}
	}
	// @default is always allowed.
	for call := range systemCalls(t, "@default") {
		calls[call] = true
	}
	return calls
}

// systemCalls returns the system calls of a group and of the groups in it, as systemd knows them.
// Other names stand for themselves.
func systemCalls(t *testing.T, name string) map[string]bool {
	t.Helper()
	if !strings.HasPrefix(name, "@") {
		return map[string]bool{name: true}
	}
	r := harness.Run(t, "", harness.Tool(t, "systemd-analyze"), "syscall-filter", "--no-pager", name)
	if r.Code != 0 {
		t.Fatalf("%s: %s", name, r)
	}
	calls := make(map[string]bool)
	for line := range strings.Lines(r.Stdout) {
		if member := strings.TrimSpace(line); strings.HasPrefix(line, "    ") && !strings.HasPrefix(member, "#") {
			for call := range systemCalls(t, member) {
				calls[call] = true
			}
		}
	}
	if len(calls) == 0 {
		t.Fatalf("%s is empty: %s", name, r)
	}
	return calls
}

// callNumbers returns the numbers of this machine's system calls, from the constants of x/sys/unix.
func callNumbers(t *testing.T) map[string]string {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", "golang.org/x/sys/unix").Output()
	if err != nil {
		t.Fatal(err)
	}
	text := harness.ReadFile(t, filepath.Join(string(bytes.TrimSpace(dir)), "zsysnum_linux_"+runtime.GOARCH+".go"))
	numbers := make(map[string]string)
	for _, m := range regexp.MustCompile(`(?m)^\s+SYS_(\w+)\s+= (\d+)$`).FindAllStringSubmatch(string(text), -1) {
		numbers[strings.ToLower(m[1])] = m[2]
	}
	return numbers
}

// TestTheDaemonLivesUnderTheFiltersOfItsUnits proves that the daemon needs nothing that its units
// forbid, with the groups of this machine's systemd: it starts, serves, reloads and drains, and
// nothing fails.
func TestTheDaemonLivesUnderTheFiltersOfItsUnits(t *testing.T) {
	t.Parallel()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, unit := range []string{"hassesd.service", "hassesd-socket.service"} {
		t.Run(unit, func(t *testing.T) {
			t.Parallel()
			numbers := callNumbers(t)
			var list []string
			calls := allowed(t, "../../systemd/"+unit)
			for call := range calls {
				if nr := numbers[call]; nr != "" {
					list = append(list, nr)
				}
			}
			for call, want := range map[string]bool{
				"read": true, "landlock_restrict_self": true, "seccomp": true, "execve": true,
				"setuid": false, "mount": false, "ptrace": false, "setrlimit": false, "capset": unit == "hassesd.service",
			} {
				if calls[call] != want {
					t.Errorf("%s is allowed: %t, want %t", call, calls[call], want)
				}
			}
			m := systemdtest.New(t)
			d := harness.Prepare(t)
			d.Wrap = []string{own, harness.Hassesd}
			if !calls["capset"] { // the unit leaves no capability to give up
				d.Wrap = append([]string{harness.Tool(t, "setpriv"), "--bounding-set=-all", "--inh-caps=-all"}, d.Wrap...)
			}
			runUnder(d, m, fmt.Sprintf("%s=%s", filterVariable, strings.Join(list, ",")), "WATCHDOG_USEC=1000000")
			if mode := d.ProcStatus("Seccomp"); mode != "2" {
				t.Fatalf("Seccomp: %s; the filter is not in force", mode)
			}
			s := d.Subscribe("subscribe=a")
			d.Send("a", "hello")
			harness.WantMessage(t, s, "hello")
			d.CA.Issue(t, d.Dir)
			d.Signal(syscall.SIGHUP)
			m.Await("the end of the reload", func(said []string) bool {
				i := slices.Index(said, "RELOADING=1")
				return i >= 0 && slices.Contains(said[i:], "READY=1")
			})
			m.AwaitLine("WATCHDOG=1")
			d.Send("a", "again")
			harness.WantMessage(t, s, "again")
			if d.Log.Contains("level=ERROR") {
				t.Error("something failed; see the log")
			}
			s.Close()
			d.Stop()
		})
	}
}
