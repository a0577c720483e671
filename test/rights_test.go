package test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestRootIsToldWhatItCannotReadAnyMore runs a daemon that stays root, without the right to read what others own.
func TestRootIsToldWhatItCannotReadAnyMore(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t)
	d := prepare(t)
	if err := os.Chown(d.path("key.pem"), nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(d.path("key.pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.run()
	eventually(t, "it is told that a renewed key could not be read", func() bool {
		return d.log.contains("private key cannot be read any more")
	})
}

// TestAKeyInAClosedDirectory has a key where only root can see it, as in /etc/ssl/private.
func TestAKeyInAClosedDirectory(t *testing.T) {
	t.Parallel()
	d := prepareForNobody(t)
	closed := filepath.Join(d.dir, "private")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(d.path("key.pem"), filepath.Join(closed, "key.pem")); err != nil {
		t.Fatal(err)
	}
	d.args = append(withoutFlags(d.args, "--key-file"), "--key-file", filepath.Join(closed, "key.pem"))
	d.run()
	eventually(t, "it is told that a renewed key could not be read", func() bool {
		return d.log.contains("private key cannot be read any more")
	})
	if r := d.ctl("reload"); r.code != 0 {
		t.Errorf("a reload of other settings stumbles over the key: %s", r)
	}
	eventually(t, "it is told that the key could not be read", func() bool {
		return d.log.contains("certificate stays in force, as its files are the same")
	})
}

// TestTwoDaemonsDoNotShareTheirState starts a second one beside the first, which would write its past over the other's.
func TestTwoDaemonsDoNotShareTheirState(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	first := start(t, "--state-dir", dir)
	second := prepare(t, "--state-dir", dir)
	second.launch()
	if code := second.wait(patience); code != 1 || !second.log.contains("is used by another daemon") {
		t.Errorf("exit code %d, want 1, and why", code)
	}
	epoch := first.status().Epoch
	first.signal(syscall.SIGTERM)
	if code := first.wait(patience); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	second.run()
	if got := second.status().Epoch; got != epoch {
		t.Errorf("epoch %s, want %s of the one before", got, epoch)
	}
}
