package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hassesd/hassesd/internal/config"
)

// checkCreatedFiles validates the paths of the files that a start creates or opens: their
// directories must exist, and whatever exists there already must be of their kind.
func checkCreatedFiles(s *config.Settings) error {
	var problems []error
	type created struct {
		key, path string
		kind      fs.FileMode // type bits; 0: a regular file
		makesDir  bool        // the start creates the directory, too
	}
	files := []created{
		{"log_file", s.LogFile, 0, false},
		{"pid_file", s.PIDFile, 0, false},
		{"control.socket", s.Control.Socket, fs.ModeSocket, true},
		{"control.fifo", s.Control.FIFO, fs.ModeNamedPipe, false},
		{"api.listen", s.API.UnixPath(), fs.ModeSocket, true},
	}
	for _, l := range s.Listeners() {
		files = append(files, created{"listen", l.Unix, fs.ModeSocket, true})
	}
	for _, p := range files {
		if p.path == "" || s.IsFromDevelopment(p.key) { // a start goes on without that
			continue
		}
		if err := checkCreatedFile(p.path, p.kind, p.makesDir); err != nil {
			problems = append(problems, &fault{key: p.key, err: err})
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return &configurationError{errors.Join(problems...)}
}

func checkCreatedFile(path string, kind fs.FileMode, makesDir bool) error {
	switch found, err := os.Lstat(path); {
	case err == nil && kind == 0 && path == os.DevNull:
		return nil // which serves as a file
	case err == nil && found.Mode().Type() != kind:
		return fmt.Errorf("%s is there already and is %s, not %s; name another path, or remove it", path, kindName(found.Mode().Type()), kindName(kind))
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; let user %d into that directory (in a container, mount a volume that belongs to it there), or name another path", err, os.Geteuid())
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	dir, err := os.Stat(filepath.Dir(path))
	switch {
	case errors.Is(err, fs.ErrNotExist) && makesDir:
		return nil
	case err != nil:
		return fmt.Errorf("%w; make the directory first", err)
	case !dir.IsDir():
		return fmt.Errorf("%s is not a directory", filepath.Dir(path))
	}
	return nil
}

func kindName(kind fs.FileMode) string {
	for _, k := range []struct {
		kind fs.FileMode
		name string
	}{
		{0, "a regular file"},
		{fs.ModeDir, "a directory"},
		{fs.ModeSocket, "a socket"},
		{fs.ModeNamedPipe, "a FIFO"},
		{fs.ModeSymlink, "a symbolic link"},
	} {
		if k.kind == kind {
			return k.name
		}
	}
	return "a special file"
}
