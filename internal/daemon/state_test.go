package daemon

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/hassesd/hassesd/internal/config"
)

// TestOneStateDirectoryByTwoNames names it once by a link above it: it is opened once, or it would
// be in use by another.
func TestOneStateDirectoryByTwoNames(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a", filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	s := config.Defaults()
	s.State.Dir = filepath.Join(dir, "a", "state")
	s.History.File = filepath.Join(dir, "b", "state", "history.db")
	if err := os.Mkdir(s.State.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var atEnd closers
	defer atEnd.run()
	dirs, err := openState(&s, nil, slog.New(slog.DiscardHandler), &atEnd)
	if err != nil {
		t.Fatal(err)
	}
	if dirs.history != dirs.own {
		t.Error("the directory is opened twice")
	}
}
