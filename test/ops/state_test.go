package ops

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// runAgain stops the daemon with SIGTERM and starts it again.
func runAgain(d *harness.Daemon) {
	d.T.Helper()
	d.Stop()
	d.Run()
}

// resume subscribes with a Last-Event-ID.
func resume(d *harness.Daemon, query, lastEventID string) *subscriber.Stream {
	d.T.Helper()
	r := d.Request(query)
	r.LastEventID = lastEventID
	return d.Open(r)
}

// TestAPlannedRestartIsCrossedAndACrashIsTold restarts a daemon in every way. After a planned
// restart streams resume; after a crash no old id is taken for a new one.
func TestAPlannedRestartIsCrossedAndACrashIsTold(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t)
	d.Args = append(d.Args, "--state-dir", d.Path("state"))
	d.Run()
	first := d.Send("a", "one").ID
	d.Send("b", "not for a")
	runAgain(d)
	d.Send("a", "two")
	runAgain(d)
	last := d.Send("a", "three").ID
	s := resume(d, "subscribe=a", first)
	harness.WantMessage(t, s, "two")
	if e := harness.WantMessage(t, s, "three"); e.ID != last {
		t.Errorf("id %s, want %s", e.ID, last)
	}
	if epoch := strings.Split(first, "-")[0]; last != epoch+"-4" {
		t.Errorf("the fourth message is %s, want %s-4", last, epoch)
	}

	if err := d.Cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-d.Exited
	d.Run()
	s = resume(d, "subscribe=a", first) // of a number that the new life has not given yet, but will
	gap, err := s.Next()
	if err != nil || gap.Name != "hasses.gap" || !strings.Contains(gap.Data, first) {
		t.Fatalf("after a crash: %+v, %v; want a gap", gap, err)
	}
	for range 5 {
		if now := d.Send("a", "new").ID; strings.Split(now, "-")[0] == strings.Split(first, "-")[0] {
			t.Fatalf("after a crash the epoch of %s is given again: %s", first, now)
		}
		harness.WantMessage(t, s, "new")
	}
	if gap, err := resume(d, "subscribe=a", last).Next(); err != nil || gap.Name != "hasses.gap" {
		t.Errorf("after a crash: %+v, %v; want a gap", gap, err)
	}
}

// TestAKeyIsRememberedAcrossARestart sends a message again after planned restarts.
func TestAKeyIsRememberedAcrossARestart(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t)
	d.Args = append(d.Args, "--state-dir", d.Path("state"))
	d.Run()
	var sent struct {
		ID        string
		Matched   int
		Duplicate bool
	}
	message := harness.Object{"to": "a", "data": "once", "key": "order-7"}
	_ = d.Subscribe("subscribe=a")
	d.Call("send", message, &sent)
	first := sent.ID
	for range 2 {
		runAgain(d)
		if d.Call("send", message, &sent); !sent.Duplicate || sent.ID != first || sent.Matched != 1 {
			t.Errorf("after a restart: %+v, want %s again", sent, first)
		}
	}
	if err := d.Try("send", harness.Object{"to": "a", "data": "other", "key": "order-7"}, nil); err == nil {
		t.Error("another message under the key is taken")
	}
}

// TestStateAfterTheDropOfPrivileges starts as root, switches to nobody, and keeps its state in a
// directory that root created.
func TestStateAfterTheDropOfPrivileges(t *testing.T) {
	t.Parallel()
	harness.SkipUnlessRoot(t)
	const nobody = 65534
	d := harness.Prepare(t, "--user", fmt.Sprint(nobody), "--group", fmt.Sprint(nobody))
	for _, dir := range []string{d.Dir, filepath.Dir(d.Dir)} { // tests' directories are for their user alone
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir := d.Path("state")
	d.Args = append(d.Args, "--state-dir", dir)
	d.Run()
	harness.Eventually(t, "the session ticket keys are kept", func() bool {
		_, err := os.Stat(filepath.Join(dir, "tickets.json"))
		return err == nil
	})
	first := d.Send("a", "one").ID
	d.Stop()
	for name, mode := range map[string]os.FileMode{"": 0o700, "tickets.json": 0o600, "history.db": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid != nobody || info.Mode().Perm() != mode {
			t.Errorf("%q belongs to %d with mode %v, want %d, %v", name, uid, info.Mode().Perm(), nobody, mode)
		}
	}
	d.Run()
	d.Send("a", "two")
	harness.WantMessage(t, resume(d, "subscribe=a", first), "two")
}

// TestAFullDiskCostsAGapAndNothingElse keeps the history on a disk that is too small for it.
func TestAFullDiskCostsAGapAndNothingElse(t *testing.T) {
	t.Parallel()
	harness.SkipUnlessRoot(t)
	d := harness.Prepare(t)
	dir := d.Path("state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16k,mode=0700"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	d.Args = append(d.Args, "--state-dir", dir)
	d.Run()
	before := d.Status().Epoch
	noise := make([]byte, 30000)
	state := uint32(1)
	for i := range noise { // text that cannot be made much shorter
		state = state*1664525 + 1013904223
		noise[i] = ' ' + byte(state>>24)%90
	}
	last := d.Send("a", string(noise)).ID
	d.Signal(syscall.SIGTERM)
	if code := d.Wait(harness.Patience); code != 0 {
		t.Errorf("exit code %d, want 0: the clients were drained as they should", code)
	}
	if !d.Log.WaitFor("history cannot be kept") || !d.Log.WaitFor("no space left on device") {
		t.Error("the log does not say that the disk is full")
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		if e.Name() != "tickets.json" && e.Name() != ".lock" {
			t.Errorf("%s is left behind on the full disk", e.Name())
		}
	}
	d.Run()
	if got := d.Status().Epoch; got == before {
		t.Errorf("epoch %s again, though nothing was kept", got)
	}
	gap, err := resume(d, "subscribe=a", last).Next()
	if err != nil || gap.Name != "hasses.gap" {
		t.Errorf("after the restart: %+v, %v; want a gap", gap, err)
	}
}

// TestCheckSaysWhatIsWrongWithTheState checks the state directory as a start would.
func TestCheckSaysWhatIsWrongWithTheState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	r := harness.Run(t, "", harness.Hassesd, "check", "--dev", "--state-dir", dir)
	if r.Code != 2 || !strings.Contains(r.Stderr, "state.dir") || !strings.Contains(r.Stderr, "chmod 700") {
		t.Errorf("check: %s; want exit code 2 and what to do", r)
	}
	absent := filepath.Join(dir, "absent")
	if r := harness.Run(t, "", harness.Hassesd, "check", "--dev", "--state-dir", absent); r.Code != 0 {
		t.Errorf("check of a directory that the start makes: %s", r)
	}
	if _, err := os.Stat(absent); err == nil {
		t.Error("check has made the directory")
	}
}
