package ops

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// TestKeysAfterTheDropOfPrivileges reads a key as root, then as a user who may not read it, then as
// one who may.
func TestKeysAfterTheDropOfPrivileges(t *testing.T) {
	t.Parallel()
	harness.SkipUnlessRoot(t)
	const nobody, group = 65534, 54321
	d := harness.Guarded(t, "--user", fmt.Sprint(nobody), "--group", fmt.Sprint(group))
	for _, dir := range []string{d.Dir, filepath.Dir(d.Dir)} { // tests' directories are for their user alone
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"cert.pem", "key.pem", "jwt.key", "es.pem"} {
		if err := errors.Join(os.Chown(d.Path(name), 0, group), os.Chmod(d.Path(name), 0o640)); err != nil {
			t.Fatal(err)
		}
	}
	d.Run()
	harness.Eventually(t, "something is said about a key that only root can read", func() bool {
		return d.Log.Contains("key for tokens or URLs cannot be read any more with the rights that the daemon has left")
	})
	works := func(when string) {
		t.Helper()
		s, status, _ := d.Ask(harness.RequestTarget(t, d.SignURL("a")))
		if status != 200 {
			t.Errorf("%s: status %d", when, status)
		}
		s.Close()
	}
	works("with a key that root has read")
	if r := d.Ctl("reload"); r.Code != 1 || !strings.Contains(r.Stderr, d.Path("url.key")) {
		t.Errorf("reload of a key for root alone: %s", r)
	}
	works("after a reload that failed")
	harness.WriteFile(t, d.Path("url.key"), []byte(strings.ToUpper(harness.UrlSecret)))
	if err := errors.Join(os.Chown(d.Path("url.key"), 0, group), os.Chmod(d.Path("url.key"), 0o640)); err != nil {
		t.Fatal(err)
	}
	if r := d.Ctl("reload"); r.Code != 0 || r.Stdout != "auth.signed_url.keys\n" {
		t.Errorf("reload of a key for the group: %s", r)
	}
	works("with the key that the group may read")
}

// TestRootIsToldWhatItCannotReadAnyMore runs a daemon that stays root but loses the right to read
// files of other users.
func TestRootIsToldWhatItCannotReadAnyMore(t *testing.T) {
	t.Parallel()
	harness.SkipInCoverage(t)
	harness.SkipUnlessRoot(t)
	d := harness.Prepare(t)
	if err := os.Chown(d.Path("key.pem"), harness.Nobody, harness.Nobody); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(d.Path("key.pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Run()
	harness.Eventually(t, "it is told that a renewed key could not be read", func() bool {
		return d.Log.Contains("private key cannot be read any more")
	})
}

// TestAKeyInAClosedDirectory keeps the key in a directory that only root may enter, as
// /etc/ssl/private.
func TestAKeyInAClosedDirectory(t *testing.T) {
	t.Parallel()
	d := prepareForNobody(t)
	closed := filepath.Join(d.Dir, "private")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(d.Path("key.pem"), filepath.Join(closed, "key.pem")); err != nil {
		t.Fatal(err)
	}
	d.Args = append(harness.WithoutFlags(d.Args, "--key-file"), "--key-file", filepath.Join(closed, "key.pem"))
	d.Run()
	harness.Eventually(t, "it is told that a renewed key could not be read", func() bool {
		return d.Log.Contains("private key cannot be read any more")
	})
	if r := d.Ctl("reload"); r.Code != 0 {
		t.Errorf("a reload of other settings stumbles over the key: %s", r)
	}
	harness.Eventually(t, "it is told that the key could not be read", func() bool {
		return d.Log.Contains("certificate stays in force, as its files are the same")
	})
}

// TestTwoDaemonsDoNotShareTheirState starts a second daemon beside the first; it would overwrite
// the history of the first.
func TestTwoDaemonsDoNotShareTheirState(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	first := harness.Start(t, "--state-dir", dir)
	second := harness.Prepare(t, "--state-dir", dir)
	second.Launch()
	if code := second.Wait(harness.Patience); code != 1 || !second.Log.Contains("is used by another daemon") {
		t.Errorf("exit code %d, want 1, and why", code)
	}
	epoch := first.Status().Epoch
	first.Stop()
	second.Run()
	if got := second.Status().Epoch; got != epoch {
		t.Errorf("epoch %s, want %s of the one before", got, epoch)
	}
}
