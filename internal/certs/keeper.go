package certs

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Keeper keeps a store's certificates up to date with their files. It handles each certificate
// separately: one whose files cannot be read stays as it was, and the others are still renewed. One
// caller at a time uses Read, Use and Look. Failures and Failure may be called from any goroutine.
type Keeper struct {
	store *Store // fixed
	kept  []kept // owned by the caller

	mu sync.Mutex
	// Guarded by mu.
	failures []Failure // in the order of kept
}

// kept is a certificate in use with its files.
type kept struct {
	files Files
	pair  *Pair
	watch *Watch
}

func (f Files) watch() *Watch { return NewWatch(f.Cert, f.Key, f.OCSP) }

// Failure is the result of the last attempt to read the files of a certificate in use. The zero
// value means success.
type Failure struct {
	Files Files
	Err   error // a [*LoadError]
	At    time.Time
}

// Reading is certificates that have been read and checked, and are not yet in use.
type Reading struct {
	kept []kept
	// Unrenewed has the errors of files that have not changed since they came into use, and stay in
	// use: they have expired since, or the daemon's user cannot read them.
	Unrenewed []error
}

// NewKeeper returns a keeper without files.
func NewKeeper(s *Store) *Keeper { return &Keeper{store: s} }

// Failures returns the certificates that could not be read at the last attempt.
func (k *Keeper) Failures() []Failure {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.failures)
}

// Failure returns the result of the last attempt to read the certificate in certFile.
func (k *Keeper) Failure(certFile string) Failure {
	for _, f := range k.Failures() {
		if f.Files.Cert == certFile {
			return f
		}
	}
	return Failure{}
}

// setFailure records the result of reading; a nil err means success.
func (k *Keeper) setFailure(files Files, err error, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.IndexFunc(k.failures, func(f Failure) bool { return f.Files == files })
	switch {
	case err != nil && i < 0:
		k.failures = append(k.failures, Failure{files, err, now})
	case err != nil:
		k.failures[i] = Failure{files, err, now}
	case i >= 0:
		k.failures = slices.Delete(k.failures, i, i+1)
	}
}

// inForce returns the certificate in use for the files, if there is one.
func (k *Keeper) inForce(files Files) (kept, bool) {
	i := slices.IndexFunc(k.kept, func(one kept) bool { return one.files == files })
	if i < 0 {
		return kept{}, false
	}
	return k.kept[i], true
}

// Read reads and checks all files. If any is bad, it returns no reading and a [*LoadError] for
// each, joined, and nothing changes. Files that have not changed since they came into use are never
// bad, even if they have expired since. A certificate that is not valid yet is bad if it would
// replace one that is valid at now.
func (k *Keeper) Read(files []Files, now time.Time) (*Reading, error) {
	r := &Reading{}
	var errs []error
	for _, f := range files {
		old, isInForce := k.inForce(f)
		next := kept{files: f, watch: f.watch()}
		var err error
		next.pair, err = LoadFiles(f, now)
		if err != nil && isInForce && old.watch.IsUnchanged() {
			r.Unrenewed = append(r.Unrenewed, &LoadError{f, err})
			next, err = old, nil
		}
		if err == nil && isInForce {
			err = next.pair.follow(old.pair, now)
		}
		if err != nil {
			err = &LoadError{f, err}
			errs = append(errs, err)
		}
		if isInForce {
			k.setFailure(f, err, now)
		}
		r.kept = append(r.kept, next)
	}
	if len(errs) == 0 {
		errs = k.missed(r, now)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return r, nil
}

// follow prepares p to replace old, which has the same files, at now. It returns an error if p is
// not valid yet and old is.
func (p *Pair) follow(old *Pair, now time.Time) error {
	if p.info.isEarly(now) && old.info.IsValid(now) {
		return fmt.Errorf("certificate %s: it is valid only from %s on, and the one before, which is valid now, stays until then",
			p.info.CertFile, second(p.info.NotBefore))
	}
	p.keepStaple(old, now)
	return nil
}

// missed returns an error for each certificate of a reading that is not valid yet, if one in use is
// valid for the same name and the reading has no other for it.
func (k *Keeper) missed(r *Reading, now time.Time) (errs []error) {
	has := func(list []kept, name string) bool {
		return slices.ContainsFunc(list, func(one kept) bool {
			return one.pair.info.IsValid(now) && slices.Contains(one.pair.info.Names, name)
		})
	}
	for _, next := range r.kept {
		info := &next.pair.info
		i := slices.IndexFunc(info.Names, func(name string) bool {
			return info.isEarly(now) && has(k.kept, name) && !has(r.kept, name)
		})
		if i >= 0 {
			errs = append(errs, &LoadError{next.files, fmt.Errorf("certificate %s: it is valid only from %s on, and would take the place of the one in force for %s, which is valid now",
				info.CertFile, second(info.NotBefore), info.Names[i])})
		}
	}
	return errs
}

// Use makes a reading current, and returns what is new in it. Certificates that have not changed
// keep their LoadedAt.
func (k *Keeper) Use(r *Reading) (fresh []Info) {
	for _, next := range r.kept {
		if k.inherit(next.pair) {
			fresh = append(fresh, next.pair.info)
		}
	}
	k.kept = r.kept
	k.mu.Lock()
	k.failures = nil
	k.mu.Unlock()
	k.publish()
	return fresh
}

// inherit gives a pair the LoadedAt of the same certificate, if that is in use.
func (k *Keeper) inherit(p *Pair) (isNew bool) {
	i := slices.IndexFunc(k.kept, func(old kept) bool { return old.pair.info.SHA256 == p.info.SHA256 })
	if i < 0 {
		return true
	}
	if old := k.kept[i].pair; old != p {
		p.info.LoadedAt = old.info.LoadedAt
	}
	return false
}

func (k *Keeper) publish() {
	pairs := make([]*Pair, 0, len(k.kept))
	for _, one := range k.kept {
		pairs = append(pairs, one.pair)
	}
	k.store.SetFiles(pairs, 0)
}

// Look rereads files that were replaced and have stopped changing, and files that could not be read
// before. It puts the good ones into use and returns what is new, and the errors of the others,
// whose certificates stay in use.
func (k *Keeper) Look(now time.Time) (fresh []Info, err error) {
	isRead := false
	for i, old := range k.kept {
		if !old.watch.Look(k.Failure(old.files.Cert).Err != nil) {
			continue
		}
		next := kept{files: old.files, watch: old.files.watch()}
		next.pair, err = LoadFiles(old.files, now)
		if err == nil {
			err = next.pair.follow(old.pair, now)
		}
		if err != nil {
			k.setFailure(old.files, &LoadError{old.files, err}, now)
			continue
		}
		k.setFailure(old.files, nil, now)
		if k.inherit(next.pair) {
			fresh = append(fresh, next.pair.info)
		}
		k.kept[i], isRead = next, true
	}
	if isRead {
		k.publish()
	}
	var errs []error
	for _, f := range k.Failures() {
		errs = append(errs, f.Err)
	}
	return fresh, errors.Join(errs...)
}

// Unreadable returns the private keys that the process can no longer open.
func (k *Keeper) Unreadable() []string {
	var paths []string
	for _, one := range k.kept {
		f, err := os.OpenFile(one.files.Key, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			paths = append(paths, one.files.Key)
			continue
		}
		f.Close()
	}
	return paths
}
