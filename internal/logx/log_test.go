package logx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestLevels(t *testing.T) {
	for _, c := range []struct{ level, want string }{
		{"quiet", "warn error"},
		{"normal", "info warn error"},
		{"debug", "debug info warn error"},
	} {
		var b bytes.Buffer
		log, handle, err := New(&b, Options{Format: "json", Level: c.level, Getenv: noEnv})
		if err != nil {
			t.Fatal(err)
		}
		if handle.Level() != c.level {
			t.Errorf("Level() is %q, want %q", handle.Level(), c.level)
		}
		if got := shown(t, log, handle, &b); got != c.want {
			t.Errorf("%s shows %q, want %q", c.level, got, c.want)
		}
	}
}

func TestLevelChangesWhileRunning(t *testing.T) {
	var b bytes.Buffer
	log, handle, err := New(&b, Options{Format: "text", Level: "normal", Getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	child := log.With("conn", 1).WithGroup("g")
	for _, c := range []struct{ level, want string }{{"quiet", "warn error"}, {"debug", "debug info warn error"}, {"normal", "info warn error"}} {
		if err := handle.SetLevel(c.level); err != nil {
			t.Fatal(err)
		}
		if got := shown(t, child, handle, &b); got != c.want || handle.Level() != c.level {
			t.Errorf("%s shows %q, want %q; Level() is %q", c.level, got, c.want, handle.Level())
		}
	}
	if err := handle.SetLevel("loud"); err == nil || handle.Level() != "normal" {
		t.Errorf("a level that does not exist: error %v, level %q", err, handle.Level())
	}
}

// shown logs at each level and returns the messages that were written.
func shown(t *testing.T, log *slog.Logger, handle *Log, b *bytes.Buffer) string {
	t.Helper()
	b.Reset()
	log.Debug("debug")
	log.Info("info")
	log.Warn("warn")
	log.Error("error")
	flush(t, handle)
	var seen []string
	for _, name := range []string{"debug", "info", "warn", "error"} {
		if strings.Contains(b.String(), "msg="+name) || strings.Contains(b.String(), `"msg":"`+name) {
			seen = append(seen, name)
		}
	}
	return strings.Join(seen, " ")
}

func TestBadOptions(t *testing.T) {
	for _, o := range []Options{{Format: "xml", Level: "normal"}, {Format: "text", Level: "loud"}, {}} {
		if _, _, err := New(&bytes.Buffer{}, o); err == nil {
			t.Errorf("New accepted %+v", o)
		}
		if _, _, err := Open(filepath.Join(t.TempDir(), "log"), o); err == nil {
			t.Errorf("Open accepted %+v", o)
		}
	}
}

func TestFileIsReopenedAfterARotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log, handle := openLog(t, path)
	log.Info("one")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	log.Info("two")
	if err := handle.Reopen(t.Context()); err != nil {
		t.Fatal(err)
	}
	log.Info("three")
	flush(t, handle)
	if old := readFile(t, path+".1"); !strings.Contains(old, "msg=one") || !strings.Contains(old, "msg=two") || strings.Contains(old, "msg=three") {
		t.Errorf("the old file has %q", old)
	}
	if fresh := readFile(t, path); !strings.Contains(fresh, "msg=three") || strings.Contains(fresh, "msg=two") {
		t.Errorf("the new file has %q", fresh)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&^logFileMode != 0 {
		t.Errorf("mode is %v, more than %v", info.Mode().Perm(), os.FileMode(logFileMode))
	}
}

func TestFileIsAppendedTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	log, handle := openLog(t, path)
	log.Info("after")
	flush(t, handle)
	if got := readFile(t, path); !strings.HasPrefix(got, "before\n") || !strings.Contains(got, "msg=after") {
		t.Errorf("got %q", got)
	}
}

func TestAFailedReopenKeepsTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log, handle := openLog(t, path)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := handle.Reopen(t.Context()); err == nil {
		t.Fatal("a directory was opened as the log file")
	}
	log.Info("still here")
	flush(t, handle)
	if got := readFile(t, path+".1"); !strings.Contains(got, "still here") {
		t.Errorf("the old file has %q", got)
	}
}

func TestOnlyRegularFilesAreOpened(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"link": "symbolic link", "fifo": "fifo", "missing/log": "no such file", ".": "directory"} {
		_, _, err := Open(filepath.Join(dir, name), Options{Format: "text", Level: "normal", Getenv: noEnv})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, want)
		}
	}
}

func TestALogThatNobodyWants(t *testing.T) {
	before, err := os.Stat(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	_, handle := openLog(t, os.DevNull)
	if err := handle.Reopen(t.Context()); err != nil {
		t.Error(err)
	}
	if err := handle.Chown(54321, 54322); err != nil {
		t.Error(err)
	}
	after, err := os.Stat(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if owner := after.Sys().(*syscall.Stat_t); owner.Uid != before.Sys().(*syscall.Stat_t).Uid {
		_ = os.Chown(os.DevNull, 0, 0)
		t.Errorf("%s was given to %d", os.DevNull, owner.Uid)
	}
}

func TestTheFileIsGivenAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	_, handle := openLog(t, path)
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 54321, 54322
	}
	if err := handle.Chown(uid, gid); err != nil {
		t.Fatal(err)
	}
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	if int(st.Uid) != uid || int(st.Gid) != gid {
		t.Errorf("the file belongs to %d:%d, want %d:%d", st.Uid, st.Gid, uid, gid)
	}
}

func TestReopenWithoutAFileDoesNothing(t *testing.T) {
	var b bytes.Buffer
	log, handle, err := New(&b, Options{Format: "text", Level: "normal", Getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	if err := handle.Reopen(t.Context()); err != nil {
		t.Errorf("Reopen: %v", err)
	}
	if err := handle.Chown(1, 1); err != nil {
		t.Errorf("Chown: %v", err)
	}
	if err := handle.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	log.Info("x")
	flush(t, handle)
	if b.Len() == 0 {
		t.Error("nothing is written any more")
	}
}

func TestLoggingWhileReopeningLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log, handle := openLog(t, path)
	const writers, lines = 4, 200
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range lines {
				log.Info("line")
			}
		})
	}
	for range 50 {
		if err := handle.Reopen(t.Context()); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	flush(t, handle)
	if got := strings.Count(readFile(t, path), "msg=line\n"); got != writers*lines {
		t.Errorf("%d lines, want %d", got, writers*lines)
	}
}

func openLog(t *testing.T, path string) (*slog.Logger, *Log) {
	t.Helper()
	log, handle, err := Open(path, Options{Format: "auto", Level: "normal", Getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := handle.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return log, handle
}

// flush waits until all that was logged is written.
func flush(t *testing.T, handle *Log) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if !handle.Flush(ctx) {
		t.Fatal("what was logged is not written")
	}
}

func TestAStuckLogIsReopenedWhenItGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log, handle := openLog(t, path)
	stuck := make(chan struct{})
	handle.spool.call(func() { <-stuck }) // as a write to a disk that hangs
	log.Info("before")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := handle.Reopen(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Reopen: %v", err)
	}
	if err := handle.Reopen(t.Context()); !errors.Is(err, errReopening) {
		t.Errorf("a second Reopen: %v", err)
	}
	log.Info("after")
	close(stuck)
	flush(t, handle)
	if old := readFile(t, path+".1"); !strings.Contains(old, "msg=before") || strings.Contains(old, "msg=after") {
		t.Errorf("the old file has %q", old)
	}
	if fresh := readFile(t, path); !strings.Contains(fresh, "msg=after") {
		t.Errorf("the new file has %q", fresh)
	}
	if err := handle.Reopen(t.Context()); err != nil {
		t.Errorf("Reopen: %v", err)
	}
}

func TestAStuckLogIsNotWaitedForAtTheEnd(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	log, handle, err := New(w, Options{Format: "text", Level: "normal", Getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	const records = 20_000
	for range records {
		log.Info("a record that nobody reads", "text", strings.Repeat("x", 100))
	}
	if err := handle.Close(); err == nil {
		t.Error("a log that nobody reads is written")
	}
	lost := handle.Lost()
	if lost == 0 || lost > records {
		t.Errorf("%d records are lost", lost)
	}
	// When it is read after all, it says so.
	read := make(chan string)
	go func() {
		text, _ := io.ReadAll(r) // until w is closed
		read <- string(text)
	}()
	flush(t, handle)
	_ = w.Close()
	text := <-read
	_ = r.Close()
	if want := fmt.Sprintf("records=%d\n", lost); !strings.HasSuffix(text, want) {
		t.Errorf("the log ends with %q, want %q", text[max(0, len(text)-200):], want)
	}
	if got := strings.Count(text, "msg=\"a record that nobody reads\""); got != records-int(lost) {
		t.Errorf("%d records were written, %d are lost", got, lost)
	}
}
