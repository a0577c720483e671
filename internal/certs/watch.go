package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// Watch notices that files were replaced, once they rest. It belongs to one caller at a time.
type Watch struct {
	paths  []string // fixed
	loaded []string // the files' marks when they were last read
	seen   []string // and when they were last looked at
}

// NewWatch begins to watch files that are read right after: what is replaced meanwhile is seen as new. Empty paths are
// passed over.
func NewWatch(paths ...string) *Watch {
	w := &Watch{paths: slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return path == "" })}
	w.loaded = w.marks()
	w.seen = w.loaded
	return w
}

// IsUnchanged says whether the files are those that were read, as far as may be seen.
func (w *Watch) IsUnchanged() bool { return slices.Equal(w.marks(), w.loaded) }

// Look says whether the files should be read again: they were replaced, or isFailing says that reading them failed before.
// Files that change are left alone until they have been the same for two looks: whoever renews a certificate writes
// several files, and half of them do not fit the other half.
func (w *Watch) Look(isFailing bool) bool {
	marks := w.marks()
	rests := slices.Equal(marks, w.seen)
	w.seen = marks
	return rests && (isFailing || !slices.Equal(marks, w.loaded))
}

// marks are texts that differ when a file was replaced, written, or became readable or not. A file in a directory that
// was closed to us after it was read, as it is when the daemon has become another user, is taken for the one that was.
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
	info, err := os.Stat(path) // through links: certbot and Kubernetes turn those around
	if err != nil {
		return err.Error(), err
	}
	mark := fmt.Sprintf("%d %v %v", info.Size(), info.ModTime().UnixNano(), info.Mode())
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		mark += fmt.Sprintf(" %d %d %d %d %d.%d", st.Dev, st.Ino, st.Uid, st.Gid, st.Ctim.Sec, st.Ctim.Nsec)
	}
	return mark, nil
}
