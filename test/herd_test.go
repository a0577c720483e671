package test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// measured says whether this run is for the figures of docs/security.md: HASSESD_TEST_HERD names how many good streams
// there are then.
func measured() bool { return os.Getenv("HASSESD_TEST_HERD") != "" }

// herdStreams is how many good streams there are.
func herdStreams(t testing.TB) int {
	t.Helper()
	if !measured() {
		return 100
	}
	text := os.Getenv("HASSESD_TEST_HERD")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("HASSESD_TEST_HERD is %q, want a number of streams", text)
	}
	return n
}

// herd is many good streams that hear everything that is published to their room. They live in a process of their own, so
// that what is measured there is the daemon's delay and not that of the attackers, who are in this one.
type herd struct {
	d       *daemon
	streams int

	from usage // of the attack under way, or the last one
	idle load  // before the first attack
	load load  // during all of them

	mu       sync.Mutex // for commands
	cmd      *exec.Cmd
	commands io.WriteCloser
	answers  *bufio.Scanner
	errors   logBuffer
}

// usage is what processes have used at a time, load what they used between two.
type (
	usage struct {
		at              time.Time
		daemon, attacks time.Duration
	}
	load struct{ wall, daemon, attacks time.Duration }
)

func (l load) String() string {
	percent := func(used time.Duration) int64 { return int64(100 * used / max(l.wall, 1)) }
	return fmt.Sprintf("%d %%, %d %%", percent(l.daemon), percent(l.attacks))
}

// newHerd opens the streams and begins to talk to them. It returns when each has heard something: a little, or, when
// figures are wanted, enough to know how things are without an attack. The header is what each stream asks with.
func newHerd(d *daemon, header ...string) *herd {
	d.t.Helper()
	h := &herd{d: d, streams: herdStreams(d.t)}
	task, err := json.Marshal(herdTask{h.streams, d.https, header, d.socket, d.caFile})
	if err != nil {
		d.t.Fatal(err)
	}
	line := ordinaryPriority([]string{os.Args[0]})
	h.cmd = exec.CommandContext(context.WithoutCancel(d.t.Context()), line[0], line[1:]...)
	h.cmd.Env = append(os.Environ(), herdVariable+"="+string(task))
	h.cmd.Stderr = &h.errors
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if h.commands, err = h.cmd.StdinPipe(); err != nil {
		d.t.Fatal(err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	h.answers = bufio.NewScanner(out)
	h.answers.Buffer(nil, 1<<20)
	if err := h.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { // it ends when nobody talks to it any more
		h.commands.Close()
		timer := time.AfterFunc(patience, func() { _ = h.cmd.Process.Kill() })
		defer timer.Stop()
		if err := h.cmd.Wait(); err != nil {
			d.t.Errorf("the herd: %v\n%s", err, &h.errors)
		}
	})
	h.tell(herdReport) // answered when all streams are open
	before := h.usage()
	enough := 2
	if measured() {
		enough = int(2 * time.Second / beat)
	}
	eventually(d.t, "every good stream hears", func() bool {
		state := h.tell(herdReport)
		return state.Quiet.Deliveries >= enough*h.streams || len(state.Wrong) > 0
	})
	h.idle.add(before, h.usage())
	return h
}

// tell gives a command and returns how the herd is.
func (h *herd) tell(command string) herdState {
	h.d.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := io.WriteString(h.commands, command+"\n"); err != nil {
		h.d.t.Fatalf("tell the herd to %s: %v\n%s", command, err, &h.errors)
	}
	var state herdState
	if !h.answers.Scan() {
		h.d.t.Fatalf("the herd does not answer to %s: %v\n%s", command, h.answers.Err(), &h.errors)
	}
	if err := json.Unmarshal(h.answers.Bytes(), &state); err != nil {
		h.d.t.Fatalf("the herd answers %q: %v", h.answers.Bytes(), err)
	}
	return state
}

// attack begins an attack that lasts until survived is called.
func (h *herd) attack() {
	h.d.t.Helper()
	h.tell(herdAttacked)
	h.from = h.usage()
}

// during runs an attack for a time, and a little longer if the herd has not heard much in it.
func (h *herd) during(length time.Duration, attack func(ctx context.Context)) {
	h.d.t.Helper()
	h.attack()
	ctx, cancel := context.WithTimeout(h.d.t.Context(), length)
	defer cancel()
	attack(ctx)
	<-ctx.Done()
	h.endAttack()
}

// endAttack ends it when the herd has heard something in it.
func (h *herd) endAttack() {
	h.d.t.Helper()
	heard := h.tell(herdReport).Attacked.Deliveries
	eventually(h.d.t, "the herd hears something during the attack", func() bool {
		state := h.tell(herdReport)
		return state.Attacked.Deliveries > heard || len(state.Wrong) > 0
	})
	h.load.add(h.from, h.usage())
	h.tell(herdQuiet)
}

// survived ends the attack, and judges.
func (h *herd) survived() {
	h.d.t.Helper()
	h.endAttack()
	h.finish()
}

// attackedHerd is a herd under an attack that begins now.
func attackedHerd(d *daemon, header ...string) *herd {
	d.t.Helper()
	h := newHerd(d, header...)
	h.attack()
	return h
}

// finish lets every stream hear the end, and judges.
func (h *herd) finish() {
	h.d.t.Helper()
	state := h.tell(herdFinish)
	for _, wrong := range state.Wrong {
		h.d.t.Error(wrong)
	}
	if state.Totals.Gaps > 0 || state.Totals.Connections != h.streams {
		h.d.t.Errorf("the herd was disturbed: %s", state.Totals)
	}
	if state.Attacked.Deliveries == 0 {
		h.d.t.Error("nothing was delivered during the attack")
	}
	h.d.t.Logf("%s; quiet: %s, attacked: %s; p99 is %.1f times as long", state.Totals, state.Quiet, state.Attacked, state.times())
	if state.Attacked.P99 > patience/2 {
		h.d.t.Errorf("deliveries take %s", state.Attacked.P99)
	}
	figures.add(h.d.t.Name(), h, state)
}

func (h *herd) usage() usage {
	h.d.t.Helper()
	var own unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &own); err != nil {
		h.d.t.Fatal(err)
	}
	return usage{time.Now(), h.d.cpu(), time.Duration(own.Utime.Nano() + own.Stime.Nano())}
}

// ofDaemon is which part of a processor the daemon has used.
func (l load) ofDaemon() float64 { return l.daemon.Seconds() / max(l.wall, 1).Seconds() }

func (l *load) add(from, to usage) {
	l.wall += to.at.Sub(from.at)
	l.daemon += to.daemon - from.daemon
	l.attacks += to.attacks - from.attacks
}

// ordinaryPriority makes a command line run as important as usual though we, with the attackers, run as less: an attacker
// has computers of its own, and here it would take the time that it wants the daemon to lose. Only root may do so.
func ordinaryPriority(line []string) []string {
	raised, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if nice := 20 - raised; measured() && err == nil && nice > 0 && os.Geteuid() == 0 {
		return append([]string{"nice", "-n", strconv.Itoa(-nice)}, line...)
	}
	return line
}

// table collects what herds went through, for people.
type table struct {
	mu   sync.Mutex
	rows []string
}

// figures are those of all tests of this run.
var figures table

func (f *table) add(test string, h *herd, s herdState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	lost := len(s.Wrong) + s.Totals.Gaps
	f.rows = append(f.rows, fmt.Sprintf("| %s | %d | %d of %d | %s | %s | %.1f | %s | %s | %s |", strings.TrimPrefix(test, "Test"),
		s.Attacked.Deliveries/h.streams, lost, h.streams, s.Quiet, s.Attacked, s.times(), s.typical(), h.idle, h.load))
}

// print writes them in the form of docs/security.md, when they were wanted.
func (f *table) print(w io.Writer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !measured() || len(f.rows) == 0 {
		return
	}
	fmt.Fprintln(w, "| Attack | Messages in it | Streams that lost something | Median, p99 in quiet | Median, p99 in the attack | p99: times | In 99 % of streams, median of messages: times | Daemon, attackers in quiet, of one processor | In the attack |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|")
	for _, row := range f.rows {
		fmt.Fprintln(w, row)
	}
}
