package acmecert

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

func TestStateIsReadAsItWasWritten(t *testing.T) {
	c := newCache(t.TempDir(), "https://ca.example/dir")
	if got, err := c.readState(); err != nil || len(got) != 0 {
		t.Errorf("before anything was written: %v, %v", got, err)
	}
	want := map[string]memory{
		"a.example": {Failures: 2, FailedAt: noon, RetryAt: noon.Add(day), Error: "refused", Challenge: HTTP01, RenewedAt: noon.Add(-day)},
		"b.example": {},
	}
	if err := c.writeState(want); err != nil {
		t.Fatal(err)
	}
	if got, err := c.readState(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func TestParseStateRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "unexpected end",
		`{"version":2}`:            "version 2",
		`{"version":1,"hosts":[]}`: "cannot unmarshal",
		`{"version":1,"hosts":{"a":{"failures":-1}}}`: "make no sense",
		`{"version":1,"hosts":{"a":{"failures":1}}}`:  "make no sense",
	} {
		if got, err := parseState([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %s", text, got, err, want)
		}
	}
}

func FuzzParseState(f *testing.F) {
	f.Add([]byte(`{"version":1,"hosts":{"a.example":{"failures":3,"failed_at":"2026-06-01T12:00:00Z","error":"no"}}}`))
	f.Add([]byte(`{"version":1,"hosts":{"a.example":{"renewed_at":"2026-06-01T12:00:00Z","challenge":"http-01"}}}`))
	f.Add([]byte(`{"version":1,"hosts":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		hosts, err := parseState(text)
		if err != nil {
			return
		}
		for name, m := range hosts {
			next := nextTry(noon, name, validity{}, noon, m)
			if next.Before(noon) || next.After(noon.Add(longestRetryAfter)) {
				t.Errorf("%+v: next try at %s", m, next)
			}
			choose([]Challenge{TLSALPN01, HTTP01}, m)
		}
	})
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	c := newCache(t.TempDir(), "https://ca.example/dir")
	key, err := c.accountKey()
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.accountKey()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(key.Public(), again.Public()) {
		t.Error("the account key is another one the second time")
	}
	if err := c.write("a.example.pem", []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := c.write("a.example.pem", []byte("second")); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 {
		t.Errorf("the directory holds %v", entries)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 {
			t.Errorf("%s has mode %s", e.Name(), info.Mode())
		}
	}
	if info, err := os.Stat(c.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %s, %v", info.Mode(), err)
	}
	if text, err := c.read("a.example.pem"); err != nil || string(text) != "second" {
		t.Errorf("read %q, %v", text, err)
	}
}

func TestOnlyRegularFilesAreRead(t *testing.T) {
	c := newCache(t.TempDir(), "https://ca.example/dir")
	if err := c.write("good.pem", []byte("text")); err != nil {
		t.Fatal(err)
	}
	for name, plant := range map[string]func(path string) error{
		"fifo":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"link":      func(path string) error { return os.Symlink("good.pem", path) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		if err := plant(filepath.Join(c.dir, name)); err != nil {
			t.Fatal(err)
		}
		if text, err := c.read(name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: read %q, %v", name, text, err)
		}
	}
	linked := cache{c.dir + "-link"}
	if err := os.Symlink(c.dir, linked.dir); err != nil {
		t.Fatal(err)
	}
	if text, err := linked.read("good.pem"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("behind a link to the directory: read %q, %v", text, err)
	}
}

func TestLongHostsHaveFiles(t *testing.T) {
	c := newCache(t.TempDir(), "https://ca.example/dir")
	long := strings.Repeat("a234567890.", 23)[:253]
	seen := map[string]bool{}
	for _, host := range []string{long, "b" + long[1:], long[:252] + "b", long[:longestHost], long[:longestHost+1]} {
		name := certificateFile(host)
		if seen[name] || !isCacheFile(name) {
			t.Errorf("%s: %s is another host's, or is not known as ours", host, name)
		}
		seen[name] = true
		if err := c.write(name, []byte("text")); err != nil {
			t.Error(err)
		}
	}
}

func TestABrokenAccountKeyIsNotReplaced(t *testing.T) {
	c := newCache(t.TempDir(), "https://ca.example/dir")
	for _, text := range []string{"", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "garbage"} {
		if err := c.write(accountFile, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.accountKey(); err == nil || !strings.Contains(err.Error(), filepath.Join(c.dir, accountFile)) {
			t.Errorf("%q: got %v, want the name of the file", text, err)
		}
		if got, err := c.read(accountFile); err != nil || string(got) != text {
			t.Errorf("%q became %q, %v", text, got, err)
		}
	}
}

func TestAuthoritiesDoNotShareADirectory(t *testing.T) {
	seen := map[string]string{}
	for _, url := range []string{"https://ca.example/dir", "https://ca.example/dir2", "https://other.example/dir", "https://[::1]:14000/dir", "no URL"} {
		dir := newCache("/cache", url).dir
		if other, ok := seen[dir]; ok {
			t.Errorf("%s and %s share %s", url, other, dir)
		}
		seen[dir] = url
		if filepath.Dir(dir) != "/cache" {
			t.Errorf("%s is kept in %s", url, dir)
		}
	}
}
