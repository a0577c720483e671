package state

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestPrepareMakesAPrivateDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	if err := Check(path, Self(), false, nil, nil); err != nil {
		t.Errorf("Check of a directory that will be made: %v", err)
	}
	d, err := Prepare(path+"/", Self(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := Check(path, Self(), true, nil, nil); err != nil {
		t.Errorf("Check of what Prepare made: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Use(path, Self())
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
}

func TestADirectoryOfOthersIsRefused(t *testing.T) {
	dir := t.TempDir()
	file, link, open := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "open")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o770); err != nil {
		t.Fatal(err)
	}
	private := filepath.Join(dir, "private")
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	otherUser := Owner{UID: os.Geteuid() + 4711, GID: 4711}
	for _, tt := range []struct {
		name, path string
		owner      Owner
		used       bool
		want       string
	}{
		{"a file", file, Self(), false, "not a directory"},
		{"a link", link, Self(), false, "symbolic link"},
		{"a link and a slash", link + "/", Self(), false, "symbolic link"},
		{"a group that may write", open, Self(), false, "chmod 700"},
		{"one that is not there, to be used", filepath.Join(dir, "absent"), Self(), true, "no such file"},
		{"another's, to be used", private, otherUser, true, "belongs to user"},
	} {
		if err := Check(tt.path, tt.owner, tt.used, nil, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Check says %v, want %q in it", tt.name, err, tt.want)
		}
		var d *Dir
		var err error
		if tt.used {
			d, err = Use(tt.path, tt.owner)
		} else {
			d, err = Prepare(tt.path, tt.owner, nil, nil)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: the start says %v, want %q in it", tt.name, err, tt.want)
		}
		if err == nil {
			_ = d.Close()
		}
	}
}

func TestRootGivesAwayWhatIsOurs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	path := filepath.Join(t.TempDir(), "state")
	if err := os.MkdirAll(filepath.Join(path, "acme"), 0o700); err != nil {
		t.Fatal(err)
	}
	ours, others := []string{"history.db"}, []string{"acme"}
	for _, name := range []string{"history.db", ".history.db.new", "history.db.damaged-20260102T030405.002000000Z"} {
		if err := os.WriteFile(filepath.Join(path, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	owner := Owner{UID: 4711, GID: 4712}
	foreign := filepath.Join(path, "passwd")
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, check := range []func() error{
		func() error { return Check(path, owner, false, ours, others) },
		func() error { _, err := Prepare(path, owner, ours, others); return err },
	} {
		if err := check(); err == nil || !strings.Contains(err.Error(), "passwd") {
			t.Errorf("a directory with what is not ours: %v", err)
		}
	}
	if uid, _ := ownerOf(t, path); uid != 0 {
		t.Fatalf("the directory was given to %d", uid)
	}
	if err := os.Remove(foreign); err != nil {
		t.Fatal(err)
	}
	if err := Check(path, owner, false, ours, others); err != nil {
		t.Errorf("Check: %v", err)
	}
	d, err := Prepare(path, owner, ours, others)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	for name, want := range map[string]Owner{
		"": owner, lockFile: owner, "history.db": owner, ".history.db.new": owner, "history.db.damaged-20260102T030405.002000000Z": owner, "acme": {},
	} {
		if uid, gid := ownerOf(t, filepath.Join(path, name)); uid != want.UID || gid != want.GID {
			t.Errorf("%q belongs to %d:%d, want %+v", name, uid, gid, want)
		}
	}
}

func ownerOf(t *testing.T, path string) (uid, gid int) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	return int(stat.Uid), int(stat.Gid)
}

// kubernetes gives a directory the permissions that a kubelet gives it for an fsGroup.
func kubernetes(t *testing.T, path string) {
	t.Helper()
	if err := os.Chmod(path, 0o770|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
}

func TestADirectoryOfAVolumeIsShut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	for _, restart := range []bool{false, true} {
		if restart {
			kubernetes(t, path)
		}
		if err := Check(path, Self(), false, nil, nil); err != nil {
			t.Errorf("restart %v: Check says %v", restart, err)
		}
		d, err := Prepare(path, Self(), nil, nil)
		if err != nil {
			t.Fatalf("restart %v: %v", restart, err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode() != os.ModeDir|0o700 || d.WasOpen() != restart {
			t.Errorf("restart %v: mode %v, %v; it was open: %v", restart, info.Mode(), err, d.WasOpen())
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// Somebody's own directory, which the settings only use, is not theirs to be taken away.
	kubernetes(t, path)
	if err := Check(path, Self(), true, nil, nil); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("Check of one to be used: %v", err)
	}
	if d, err := Use(path, Self()); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("Use: %v, %v", d, err)
	}
	if err := os.Chmod(path, 0o775|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	if d, err := Prepare(path, Self(), nil, nil); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("one that everybody can read: %v, %v", d, err)
	}
}

func TestAVolumeOfRootsIsNotOurs(t *testing.T) {
	otherUser := Owner{UID: os.Geteuid() + 4711, GID: 4711}
	path := t.TempDir()
	kubernetes(t, path)
	if os.Geteuid() == 0 {
		if err := os.Chown(path, 4712, 4711); err != nil {
			t.Fatal(err)
		}
	}
	for name, err := range map[string]error{
		"Check":   Check(path, otherUser, false, nil, nil),
		"Prepare": func() error { _, err := Prepare(path, otherUser, nil, nil); return err }(),
	} {
		if err == nil || !strings.Contains(err.Error(), "belongs to user") || !strings.Contains(err.Error(), filepath.Join(path, "hassesd")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckMakeable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	shut := filepath.Join(dir, "shut")
	if err := os.Mkdir(shut, 0o500); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ path, want string }{
		{filepath.Join(dir, "a", "b"), ""},
		{filepath.Join(dir, "a") + "/", ""},
		{"/proc/none", "the kernel's own"},
		{"/proc/none/below", "the kernel's own"},
		{filepath.Join(file, "below"), "not a directory"},
		{filepath.Join(shut, "below"), "permission denied"},
	} {
		if os.Geteuid() == 0 && strings.HasPrefix(tt.path, shut) {
			continue // nothing is shut to root
		}
		err := CheckMakeable(tt.path)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.path, err, tt.want)
		}
		if checked := Check(tt.path, Self(), false, nil, nil); (checked == nil) != (err == nil) {
			t.Errorf("%s: Check says %v", tt.path, checked)
		}
	}
}
