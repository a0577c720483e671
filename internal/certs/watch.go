package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// Watch notices that files were replaced, once they have stopped changing. One caller at a time
// uses it.
type Watch struct {
	paths  []string // fixed
	loaded []string // the marks of the files when they were last read
	seen   []string // the marks of the files at the last look
}

// NewWatch starts to watch files. Call it before reading them, so that a replacement meanwhile
// counts as new. It skips empty paths.
func NewWatch(paths ...string) *Watch {
	w := &Watch{paths: slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return path == "" })}
	w.loaded = w.marks()
	w.seen = w.loaded
	return w
}

// IsUnchanged reports whether the files look the same as when they were read.
func (w *Watch) IsUnchanged() bool { return slices.Equal(w.marks(), w.loaded) }

// Look reports whether to read the files again: they were replaced, or isFailing states that
// reading them failed before. It waits until the files have been the same for two looks, because
// renewal writes several files that only fit together.
func (w *Watch) Look(isFailing bool) bool {
	marks := w.marks()
	rests := slices.Equal(marks, w.seen)
	w.seen = marks
	return rests && (isFailing || !slices.Equal(marks, w.loaded))
}

// marks returns texts that change when a file is replaced or written, or becomes readable or
// unreadable. A file that can no longer be reached, because the daemon has switched users since,
// counts as unchanged.
func (w *Watch) marks() []string {
	marks := make([]string, len(w.paths))
	for i, path := range w.paths {
		var err error
		if marks[i], err = markOf(path); errors.Is(err, fs.ErrPermission) && w.loaded != nil {
			marks[i] = w.loaded[i]
		}
	}
	return marks
}

func markOf(path string) (string, error) {
	info, err := os.Stat(path) // follows links, which certbot and Kubernetes switch
	if err != nil {
		return err.Error(), err
	}
	mark := fmt.Sprintf("%d %v %v", info.Size(), info.ModTime().UnixNano(), info.Mode())
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		mark += fmt.Sprintf(" %d %d %d %d %d.%d", st.Dev, st.Ino, st.Uid, st.Gid, st.Ctim.Sec, st.Ctim.Nsec)
	}
	return mark, nil
}
