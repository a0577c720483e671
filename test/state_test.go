package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hassesd/hassesd/test/subscriber"
)

// again stops the daemon as an operator does and starts it anew.
func (d *daemon) again() {
	d.t.Helper()
	d.signal(syscall.SIGTERM)
	if code := d.wait(patience); code != 0 {
		d.t.Fatalf("exit code %d, want 0", code)
	}
	d.run()
}

// resume subscribes after an id.
func (d *daemon) resume(query, lastEventID string) *subscriber.Stream {
	d.t.Helper()
	r := d.request(query)
	r.LastEventID = lastEventID
	return d.open(r)
}

// TestAPlannedRestartIsCrossedAndACrashIsTold restarts a daemon in every way: what was kept is resumed from, and after
// a crash no id of before is taken for one of after.
func TestAPlannedRestartIsCrossedAndACrashIsTold(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	d.args = append(d.args, "--state-dir", d.path("state"))
	d.run()
	first := d.send("a", "one").ID
	d.send("b", "not for a")
	d.again()
	d.send("a", "two")
	d.again()
	last := d.send("a", "three").ID
	s := d.resume("subscribe=a", first)
	message(t, s, "two")
	if e := message(t, s, "three"); e.ID != last {
		t.Errorf("id %s, want %s", e.ID, last)
	}
	if epoch := strings.Split(first, "-")[0]; last != epoch+"-4" {
		t.Errorf("the fourth message is %s, want %s-4", last, epoch)
	}

	if err := d.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-d.exited
	d.run()
	s = d.resume("subscribe=a", first) // of a number that the new life has not given yet, but will
	gap, err := s.Next()
	if err != nil || gap.Name != "hasses.gap" || !strings.Contains(gap.Data, first) {
		t.Fatalf("after a crash: %+v, %v; want a gap", gap, err)
	}
	for range 5 {
		if now := d.send("a", "new").ID; strings.Split(now, "-")[0] == strings.Split(first, "-")[0] {
			t.Fatalf("after a crash the epoch of %s is given again: %s", first, now)
		}
		message(t, s, "new")
	}
	if gap, err := d.resume("subscribe=a", last).Next(); err != nil || gap.Name != "hasses.gap" {
		t.Errorf("after a crash: %+v, %v; want a gap", gap, err)
	}
}

// TestStateAfterTheDropOfPrivileges starts as root, becomes nobody, and keeps everything in a directory that root made.
func TestStateAfterTheDropOfPrivileges(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t)
	const nobody = 65534
	d := prepare(t, "--user", fmt.Sprint(nobody), "--group", fmt.Sprint(nobody))
	for _, dir := range []string{d.dir, filepath.Dir(d.dir)} { // tests' directories are for their user alone
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir := d.path("state")
	d.args = append(d.args, "--state-dir", dir)
	d.run()
	eventually(t, "the session ticket keys are kept", func() bool {
		_, err := os.Stat(filepath.Join(dir, "tickets.json"))
		return err == nil
	})
	first := d.send("a", "one").ID
	d.signal(syscall.SIGTERM)
	if code := d.wait(patience); code != 0 {
		t.Fatalf("exit code %d, want 0", code)
	}
	for name, mode := range map[string]os.FileMode{"": 0o700, "tickets.json": 0o600, "history.db": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid != nobody || info.Mode().Perm() != mode {
			t.Errorf("%q belongs to %d with mode %v, want %d, %v", name, uid, info.Mode().Perm(), nobody, mode)
		}
	}
	d.run()
	d.send("a", "two")
	message(t, d.resume("subscribe=a", first), "two")
}

// TestAFullDiskCostsAGapAndNothingElse keeps the history on a disk that is too small for it.
func TestAFullDiskCostsAGapAndNothingElse(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t)
	d := prepare(t)
	dir := d.path("state")
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
	d.args = append(d.args, "--state-dir", dir)
	d.run()
	before := d.status().Epoch
	noise := make([]byte, 30000)
	state := uint32(1)
	for i := range noise { // text that cannot be made much shorter
		state = state*1664525 + 1013904223
		noise[i] = ' ' + byte(state>>24)%90
	}
	last := d.send("a", string(noise)).ID
	d.signal(syscall.SIGTERM)
	if code := d.wait(patience); code != 0 {
		t.Errorf("exit code %d, want 0: the clients were drained as they should", code)
	}
	if !d.log.says("history cannot be kept") || !d.log.says("no space left on device") {
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
	d.run()
	if got := d.status().Epoch; got == before {
		t.Errorf("epoch %s again, though nothing was kept", got)
	}
	gap, err := d.resume("subscribe=a", last).Next()
	if err != nil || gap.Name != "hasses.gap" {
		t.Errorf("after the restart: %+v, %v; want a gap", gap, err)
	}
}

// TestCheckSaysWhatIsWrongWithTheState does what a start would.
func TestCheckSaysWhatIsWrongWithTheState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	r := command(t, "", hassesd, "check", "--dev", "--state-dir", dir)
	if r.code != 2 || !strings.Contains(r.stderr, "state.dir") || !strings.Contains(r.stderr, "chmod 700") {
		t.Errorf("check: %s; want exit code 2 and what to do", r)
	}
	absent := filepath.Join(dir, "absent")
	if r := command(t, "", hassesd, "check", "--dev", "--state-dir", absent); r.code != 0 {
		t.Errorf("check of a directory that the start makes: %s", r)
	}
	if _, err := os.Stat(absent); err == nil {
		t.Error("check has made the directory")
	}
}
