package threats

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

	"github.com/hassesd/hassesd/test/harness"
)

// goodStreamCount returns the number of good streams of each version of HTTP.
func goodStreamCount(t testing.TB) int {
	t.Helper()
	if !harness.Measured() {
		return 100
	}
	text := os.Getenv("HASSESD_TEST_GOOD_STREAMS")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("HASSESD_TEST_GOOD_STREAMS is %q, want a number of streams", text)
	}
	return n
}

// goodStreams are many well-behaved streams, as many over HTTP/2 as over HTTP/1.1 if the daemon serves it, which receive everything that is published to their
// room. They live in a process of their own, so that they measure the daemon's delay and not that
// of the attackers in this one.
type goodStreams struct {
	d       *harness.Daemon
	streams int
	over2   int // of them, those over HTTP/2: as many as over HTTP/1.1, or none

	from usage // of the attack under way, or the last one
	idle load  // before the first attack
	load load  // during all of them

	mu       sync.Mutex // for commands
	cmd      *exec.Cmd
	commands io.WriteCloser
	answers  *bufio.Scanner
	errors   harness.Log
}

// usage is the processor time used up to a moment, load that used between two.
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

// newGoodStreams opens the streams and begins to publish to them. It returns when each has received
// a few messages or, when figures are measured, enough for a baseline. The streams send header with
// their requests.
func newGoodStreams(d *harness.Daemon, header ...string) *goodStreams {
	d.T.Helper()
	each := goodStreamCount(d.T)
	over2 := each
	if !servesHTTP2(d) {
		over2 = 0
	}
	h := &goodStreams{d: d, streams: each + over2, over2: over2}
	task, err := json.Marshal(goodStreamsTask{each, over2, d.HTTPS, header, d.Socket, d.CaFile})
	if err != nil {
		d.T.Fatal(err)
	}
	line := harness.OrdinaryPriority([]string{os.Args[0]})
	h.cmd = exec.CommandContext(context.WithoutCancel(d.T.Context()), line[0], line[1:]...)
	h.cmd.Env = append(os.Environ(), goodStreamsVariable+"="+string(task))
	h.cmd.Stderr = &h.errors
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if h.commands, err = h.cmd.StdinPipe(); err != nil {
		d.T.Fatal(err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		d.T.Fatal(err)
	}
	h.answers = bufio.NewScanner(out)
	h.answers.Buffer(nil, 1<<20)
	if err := h.cmd.Start(); err != nil {
		d.T.Fatal(err)
	}
	d.T.Cleanup(func() { // the process ends with its input
		h.commands.Close()
		timer := time.AfterFunc(harness.Patience, func() { _ = h.cmd.Process.Kill() })
		defer timer.Stop()
		if err := h.cmd.Wait(); err != nil {
			d.T.Errorf("the good streams: %v\n%s", err, &h.errors)
		}
	})
	h.command(commandReport) // answered when all streams are open
	before := h.usage()
	enough := 2
	if harness.Measured() {
		enough = int(2 * time.Second / publishInterval)
	}
	harness.Eventually(d.T, "every good stream hears", func() bool {
		state := h.command(commandReport)
		return state.Quiet.Deliveries >= enough*h.streams || len(state.Wrong) > 0
	})
	h.idle.add(before, h.usage())
	return h
}

// goodConnections returns how many connections so many good streams of each version have.
func goodConnections(each int) int { return each + (each+onConnection-1)/onConnection }

// connections returns how many the good streams have.
func (h *goodStreams) connections() int {
	if h.over2 == 0 {
		return h.streams
	}
	return goodConnections(h.over2)
}

// servesHTTP2 reports whether the daemon was started with HTTP/2.
func servesHTTP2(d *harness.Daemon) bool {
	d.T.Helper()
	var limits struct {
		Limits []struct {
			Key   string
			Limit int
		}
	}
	d.Call("limits", nil, &limits)
	for _, l := range limits.Limits {
		if l.Key == "limits.streams_per_connection" {
			return l.Limit > 0
		}
	}
	d.T.Fatal("the daemon does not list limits.streams_per_connection")
	return false
}

// command sends a command to the process and returns its state.
func (h *goodStreams) command(command string) goodStreamsState {
	h.d.T.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := io.WriteString(h.commands, command+"\n"); err != nil {
		h.d.T.Fatalf("tell the good streams to %s: %v\n%s", command, err, &h.errors)
	}
	var state goodStreamsState
	if !h.answers.Scan() {
		h.d.T.Fatalf("the good streams do not answer to %s: %v\n%s", command, h.answers.Err(), &h.errors)
	}
	if err := json.Unmarshal(h.answers.Bytes(), &state); err != nil {
		h.d.T.Fatalf("the good streams answer %q: %v", h.answers.Bytes(), err)
	}
	return state
}

// attack begins an attack, which lasts until survived or endAttack.
func (h *goodStreams) attack() {
	h.d.T.Helper()
	h.command(commandAttacked)
	h.from = h.usage()
}

// during runs an attack for a time, and a little longer if the good streams have not received much in it.
func (h *goodStreams) during(length time.Duration, attack func(ctx context.Context)) {
	h.d.T.Helper()
	h.attack()
	ctx, cancel := context.WithTimeout(h.d.T.Context(), length)
	defer cancel()
	attack(ctx)
	<-ctx.Done()
	h.endAttack()
}

// endAttack ends the attack once the good streams have received something during it.
func (h *goodStreams) endAttack() {
	h.d.T.Helper()
	heard := h.command(commandReport).Attacked.Deliveries
	harness.Eventually(h.d.T, "the good streams receive something during the attack", func() bool {
		state := h.command(commandReport)
		return state.Attacked.Deliveries > heard || len(state.Wrong) > 0
	})
	h.load.add(h.from, h.usage())
	h.command(commandQuiet)
}

// survived ends the attack and checks the streams.
func (h *goodStreams) survived() {
	h.d.T.Helper()
	h.endAttack()
	h.finish()
}

// attackedGoodStreams opens good streams and begins an attack on them.
func attackedGoodStreams(d *harness.Daemon, header ...string) *goodStreams {
	d.T.Helper()
	h := newGoodStreams(d, header...)
	h.attack()
	return h
}

// finish lets every stream read the last message, and checks that none lost anything.
func (h *goodStreams) finish() {
	h.d.T.Helper()
	state := h.command(commandFinish)
	for _, wrong := range state.Wrong {
		h.d.T.Error(wrong)
	}
	if state.Totals.Gaps > 0 || state.Totals.Connections != h.streams {
		h.d.T.Errorf("the good streams were disturbed: %s", state.Totals)
	}
	if state.Attacked.Deliveries == 0 {
		h.d.T.Error("nothing was delivered during the attack")
	}
	h.d.T.Logf("%s; quiet: %s, attacked: %s; p99 is %.1f times as long", state.Totals, state.Quiet, state.Attacked, state.times())
	if state.Attacked.P99 > harness.Patience/2 {
		h.d.T.Errorf("deliveries take %s", state.Attacked.P99)
	}
	figures.add(h.d.T.Name(), h, state)
}

func (h *goodStreams) usage() usage {
	h.d.T.Helper()
	var own unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &own); err != nil {
		h.d.T.Fatal(err)
	}
	return usage{time.Now(), h.d.CPUTime(), time.Duration(own.Utime.Nano() + own.Stime.Nano())}
}

// ofDaemon returns the share of one processor that the daemon has used.
func (l load) ofDaemon() float64 { return l.daemon.Seconds() / max(l.wall, 1).Seconds() }

func (l *load) add(from, to usage) {
	l.wall += to.at.Sub(from.at)
	l.daemon += to.daemon - from.daemon
	l.attacks += to.attacks - from.attacks
}

// table collects the figures of all attacks, for people to read.
type table struct {
	mu   sync.Mutex
	rows []string
}

// figures are those of all tests of this run.
var figures table

func (f *table) add(test string, h *goodStreams, s goodStreamsState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	lost := len(s.Wrong) + s.Totals.Gaps
	f.rows = append(f.rows, fmt.Sprintf("| %s | %d | %d of %d | %s | %s | %.1f | %s | %s | %s |", strings.TrimPrefix(test, "Test"),
		s.Attacked.Deliveries/h.streams, lost, h.streams, s.Quiet, s.Attacked, s.times(), s.typical(), h.idle, h.load))
}

// print writes the figures in the form of docs/security.md, if this run measures them.
func (f *table) print(w io.Writer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !harness.Measured() || len(f.rows) == 0 {
		return
	}
	fmt.Fprintln(w, "| Attack | Messages in it | Streams that lost something | Median, p99 in quiet | Median, p99 in the attack | p99: times | In 99 % of streams, median of messages: times | Daemon, attackers in quiet, of one processor | In the attack |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|")
	for _, row := range f.rows {
		fmt.Fprintln(w, row)
	}
}
