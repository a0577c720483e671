package certs

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// Watch notices that files were replaced, once they rest. It belongs to one caller at a time.
type Watch struct {
	paths  []string // fixed
	loaded string   // the files' marks when they were last read
	seen   string   // and when they were last looked at
}

// NewWatch begins to watch files that are read right after: what is replaced meanwhile is seen as new. Empty paths are
// passed over.
func NewWatch(paths ...string) *Watch {
	w := &Watch{paths: paths}
	w.loaded = w.marks()
	w.seen = w.loaded
	return w
}

// IsUnchanged says whether the files are those that were read.
func (w *Watch) IsUnchanged() bool { return w.marks() == w.loaded }

// Look says whether the files should be read again: they were replaced, or isFailing says that reading them failed before.
// Files that change are left alone until they have been the same for two looks: whoever renews a certificate writes
// several files, and half of them do not fit the other half.
func (w *Watch) Look(isFailing bool) bool {
	marks := w.marks()
	rests := marks == w.seen
	w.seen = marks
	return rests && (marks != w.loaded || isFailing)
}

// marks is a text that differs when any of the files was replaced, written, or became readable or not.
func (w *Watch) marks() string {
	var b strings.Builder
	for _, path := range w.paths {
		if path != "" {
			b.WriteString(markOf(path))
		}
	}
	return b.String()
}

func markOf(path string) string {
	info, err := os.Stat(path) // through links: certbot and Kubernetes turn those around
	if err != nil {
		return fmt.Sprintf("%s: %v\n", path, err)
	}
	mark := fmt.Sprintf("%s: %d %v %v", path, info.Size(), info.ModTime().UnixNano(), info.Mode())
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		mark += fmt.Sprintf(" %d %d %d %d %d.%d", st.Dev, st.Ino, st.Uid, st.Gid, st.Ctim.Sec, st.Ctim.Nsec)
	}
	return mark + "\n"
}
