package certs

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Keeper keeps a store's certificates as their files are. Read, Use and Look belong to one caller at a time; Failure may
// be asked from any goroutine.
type Keeper struct {
	store *Store // fixed

	// Owned by the caller.
	files  []Files
	pairs  []*Pair
	loaded string // the files' marks when they were last read
	seen   string // and when they were last looked at

	mu sync.Mutex
	// Guarded by mu.
	failure Failure
}

// Failure is what became of the last attempt to read the files that are in use; the zero value is that it went well.
type Failure struct {
	Err error
	At  time.Time
}

// Of returns what was wrong with the certificate in certFile, nil if it was another's fault.
func (f Failure) Of(certFile string) error {
	var joined interface{ Unwrap() []error }
	if !errors.As(f.Err, &joined) {
		return nil
	}
	for _, err := range joined.Unwrap() {
		var one *LoadError
		if errors.As(err, &one) && one.Files.Cert == certFile {
			return one.Err
		}
	}
	return nil
}

// Reading is certificates that were read and checked, and are not yet in use.
type Reading struct {
	files []Files
	pairs []*Pair
	marks string
}

// NewKeeper returns a keeper of no files.
func NewKeeper(s *Store) *Keeper { return &Keeper{store: s} }

// Failure answers how the last attempt went.
func (k *Keeper) Failure() Failure {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.failure
}

func (k *Keeper) setFailure(err error, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failure = (Failure{}); err != nil {
		k.failure = Failure{Err: err, At: now}
	}
}

// Read reads and checks all files. On an error nothing has changed.
func (k *Keeper) Read(files []Files, now time.Time) (*Reading, error) {
	r := &Reading{files: slices.Clone(files), marks: marksOf(files)} // before reading: what is replaced meanwhile is seen as new
	var err error
	r.pairs, err = LoadSet(files, now)
	if slices.Equal(files, k.files) {
		k.setFailure(err, now)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Use puts a reading in force, and returns what is new in it. Certificates that are the same as before keep the time at
// which they came.
func (k *Keeper) Use(r *Reading) (fresh []Info) {
	for _, p := range r.pairs {
		i := slices.IndexFunc(k.pairs, func(old *Pair) bool { return old.info.SHA256 == p.info.SHA256 })
		if i < 0 {
			fresh = append(fresh, p.info)
			continue
		}
		p.info.LoadedAt = k.pairs[i].info.LoadedAt
	}
	k.files, k.pairs, k.loaded, k.seen = r.files, r.pairs, r.marks, r.marks
	k.setFailure(nil, time.Time{})
	k.store.SetFiles(r.pairs, 0)
	return fresh
}

// Look reads the files again if they were replaced, or if reading them failed before. Files that change are left alone
// until they have been the same for two looks: whoever renews a certificate writes several files, and half of them do
// not fit the other half. The error is nil while nothing is wrong; the certificates before then stay in force.
func (k *Keeper) Look(now time.Time) (fresh []Info, err error) {
	marks := marksOf(k.files)
	if marks == k.loaded && k.Failure().Err == nil {
		k.seen = marks
		return nil, nil
	}
	if marks != k.seen {
		k.seen = marks
		return nil, k.Failure().Err
	}
	r, err := k.Read(k.files, now)
	if err != nil {
		return nil, err
	}
	return k.Use(r), nil
}

// Unreadable names the private keys that the process cannot open as it is now.
func (k *Keeper) Unreadable() []string {
	var paths []string
	for _, file := range k.files {
		f, err := os.OpenFile(file.Key, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			paths = append(paths, file.Key)
			continue
		}
		f.Close()
	}
	return paths
}

// marksOf is a text that differs when any of the files was replaced, written, or became readable or not.
func marksOf(files []Files) string {
	var b strings.Builder
	for _, f := range files {
		for _, path := range []string{f.Cert, f.Key, f.OCSP} {
			if path != "" {
				b.WriteString(markOf(path))
			}
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
