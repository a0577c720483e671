package acmecert

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestPrepareCacheMakesIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lib", "hassesd", "acme")
	for range 2 { // the second time it is there
		if err := PrepareCache(dir, -1, -1); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(dir)
		if err != nil || info.Mode() != os.ModeDir|0o700 {
			t.Fatalf("mode %s, %v", info.Mode(), err)
		}
	}
}

func TestPrepareCacheRefuses(t *testing.T) {
	parent := t.TempDir()
	file := filepath.Join(parent, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(parent, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(parent, "mine")
	if err := os.Mkdir(mine, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(parent, "link")
	if err := os.Symlink(mine, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, link + "/"} {
		if err := PrepareCache(path, -1, -1); err == nil || !strings.Contains(err.Error(), "symbolic link") {
			t.Errorf("%s: %v", path, err)
		}
		if err := CheckCache(path, -1); err == nil || !strings.Contains(err.Error(), "symbolic link") {
			t.Errorf("%s is found to be good: %v", path, err)
		}
	}
	for _, mode := range []os.FileMode{0o701, 0o710, 0o704, 0o740, 0o755} {
		if err := os.Chmod(open, mode); err != nil {
			t.Fatal(err)
		}
		if err := PrepareCache(open, -1, -1); err == nil || !strings.Contains(err.Error(), "chmod 700 "+open) {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	if err := PrepareCache(file, -1, -1); err == nil || !strings.Contains(err.Error(), "is not a directory") {
		t.Errorf("a file: %v", err)
	}
	if err := PrepareCache(filepath.Join(file, "acme"), -1, -1); err == nil {
		t.Error("a directory below a file")
	}
	if os.Geteuid() != 0 {
		if err := PrepareCache(mine, os.Geteuid()+1, os.Getegid()); err == nil || !strings.Contains(err.Error(), "belongs to user") {
			t.Errorf("for another user: %v", err)
		}
	}
}

func TestRootGivesTheCacheAway(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	const uid, gid = 12345, 12346
	dir := filepath.Join(t.TempDir(), "acme")
	below := filepath.Join(dir, "ca.example-0123abcd")
	if err := os.MkdirAll(below, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{accountFile, stateFile, damagedPrefix + "1780000000", "a.example.pem", ".a.example.pem.new"} {
		if err := os.WriteFile(filepath.Join(below, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := PrepareCache(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, below, filepath.Join(below, accountFile), filepath.Join(below, ".a.example.pem.new")} {
		if u, g := owner(t, path); u != uid || g != gid {
			t.Errorf("%s belongs to %d:%d", path, u, g)
		}
	}
	// What is the other user's is left alone from now on: it could have put anything there.
	if err := os.WriteFile(filepath.Join(below, "new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := PrepareCache(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	if u, _ := owner(t, filepath.Join(below, "new")); u != 0 {
		t.Error("root followed into a directory that is not its own")
	}
	if err := PrepareCache(dir, uid+1, gid); err == nil || !strings.Contains(err.Error(), "belongs to user 12345") {
		t.Errorf("another user's directory: %v", err)
	}
}

func TestRootKeepsWhatIsNoCache(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	const authority = "ca.example-0123abcd"
	for name, plant := range map[string]func(dir string) error{
		"a home":                    func(dir string) error { return os.WriteFile(filepath.Join(dir, ".bashrc"), nil, 0o600) },
		"another client's":          func(dir string) error { return os.MkdirAll(filepath.Join(dir, "live", "a.example"), 0o700) },
		"a file like an authority":  func(dir string) error { return os.WriteFile(filepath.Join(dir, authority), nil, 0o600) },
		"a link like an authority":  func(dir string) error { return os.Symlink("/", filepath.Join(dir, authority)) },
		"a strange file":            func(dir string) error { return writeIn(filepath.Join(dir, authority), "id_ed25519") },
		"a strange file being made": func(dir string) error { return writeIn(filepath.Join(dir, authority), ".profile.new") },
		"a directory like a file":   func(dir string) error { return os.MkdirAll(filepath.Join(dir, authority, accountFile), 0o700) },
		"a link like a file": func(dir string) error {
			if err := os.Mkdir(filepath.Join(dir, authority), 0o700); err != nil {
				return err
			}
			return os.Symlink("/etc/passwd", filepath.Join(dir, authority, "a.example.pem"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "acme")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := plant(dir); err != nil {
				t.Fatal(err)
			}
			for call, err := range map[string]error{"PrepareCache": PrepareCache(dir, 12345, 12346), "CheckCache": CheckCache(dir, 12345)} {
				if err == nil || !strings.Contains(err.Error(), "none of the cache's own") {
					t.Errorf("%s: %v", call, err)
				}
			}
			if u, _ := owner(t, dir); u != 0 {
				t.Error("it was given away")
			}
		})
	}
}

// writeIn makes a directory with an empty file.
func writeIn(dir, name string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), nil, 0o600)
}

func TestCheckCacheChangesNothing(t *testing.T) {
	const url = "https://ca.example/dir"
	dir := filepath.Join(t.TempDir(), "lib", "acme")
	if err := CheckCache(dir, -1); err != nil {
		t.Errorf("a directory that will be made: %v", err)
	}
	if _, err := os.Stat(filepath.Dir(dir)); err == nil {
		t.Error("it was made")
	}
	if err := PrepareCache(dir, -1, -1); err != nil {
		t.Fatal(err)
	}
	if err := CheckCache(dir, -1); err != nil {
		t.Errorf("an empty directory: %v", err)
	}
	if err := newCache(dir, url).write(stateFile, []byte("{")); err != nil {
		t.Fatal(err)
	}
	if err := CheckCache(dir, -1); err != nil {
		t.Errorf("a damaged memory, which is set aside: %v", err)
	}
	if os.Geteuid() == 0 {
		if err := CheckCache(dir, 12345); err != nil {
			t.Errorf("what root would give away: %v", err)
		}
		if u, _ := owner(t, dir); u != 0 {
			t.Error("it was given away")
		}
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := CheckCache(dir, -1); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("a directory that others can enter: %v", err)
	}
}

func owner(t *testing.T, path string) (uid, gid int) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatalf("%s does not say whose it is", path)
	}
	return int(st.Uid), int(st.Gid)
}

func TestACacheOfAVolumeIsMadePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acme")
	if err := PrepareCache(dir, -1, -1); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o770|os.ModeSetgid); err != nil { // as a kubelet does for an fsGroup
		t.Fatal(err)
	}
	if err := CheckCache(dir, -1); err != nil {
		t.Errorf("CheckCache: %v", err)
	}
	if err := PrepareCache(dir, -1, -1); err != nil {
		t.Errorf("PrepareCache: %v", err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode() != os.ModeDir|0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
