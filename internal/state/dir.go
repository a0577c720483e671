// Package state keeps small files that outlive the daemon in a directory that is its own.
//
// A file is written whole, under another name, and put in its place in one step that is on the disk before Write
// returns; so after a crash there is the old one or the new one. What is found is not believed: links, pipes and devices
// are not followed and not waited for, and a file that its reader cannot make sense of is set aside and not thrown away.
package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// newSuffix ends the name of a file that is being written, after a dot at its beginning.
	newSuffix = ".new"
	// asideMark stands between the name of a file that was set aside and the time when that was.
	asideMark = ".damaged-"
	// asideTime is sorted as the time is.
	asideTime = "20060102T150405.000000000Z"
	// maxAside bounds how many are kept of one file: the newest tell what is wrong, and a daemon that starts again and
	// again must not fill the disk.
	maxAside = 3
)

// Dir is a directory whose files nobody but the daemon can change. Its methods may be called from any goroutine, but
// each file belongs to one caller at a time. Names have no slashes.
type Dir struct {
	path string
	root *os.Root
	lock *os.File // locked while the directory is in use; nil: it is only looked at

	wasOpen bool // see WasOpen
}

// Path is where the file of that name is, for people.
func (d *Dir) Path(name string) string { return filepath.Join(d.path, name) }

// Close gives the directory back.
func (d *Dir) Close() error {
	var err error
	if d.lock != nil {
		err = d.lock.Close()
	}
	return errors.Join(err, d.root.Close())
}

// Open opens a file to read it. The error is fs.ErrNotExist if there is none.
func (d *Dir) Open(name string) (*os.File, error) {
	info, err := d.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", d.Path(name))
	}
	return d.root.Open(name)
}

// Read returns a file of at most limit bytes.
func (d *Dir) Read(name string, limit int64) ([]byte, error) {
	f, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is longer than %d bytes", d.Path(name), limit)
	}
	return text, err
}

// Write replaces a file by what write writes, mode 0600. After an error the file is as it was.
func (d *Dir) Write(name string, write func(io.Writer) error) (err error) {
	temporary := "." + name + newSuffix // always the same, so that crashes leave no heap of them
	if err := d.root.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := d.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.root.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(err, d.root.Remove(temporary))
	}
	return d.sync()
}

// Remove removes a file for good: it does not come back after a power failure. It is no error if there is none.
func (d *Dir) Remove(name string) error {
	if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.sync()
}

// SetAside gives a file another name, which it returns, for somebody to look at. Of those that were set aside before,
// only the newest are kept.
func (d *Dir) SetAside(name string, now time.Time) (aside string, err error) {
	before, err := d.aside(name)
	if err != nil {
		return "", err
	}
	for len(before) >= maxAside {
		if err := d.root.Remove(before[0]); err != nil {
			return "", err
		}
		before = before[1:]
	}
	aside = name + asideMark + now.UTC().Format(asideTime)
	if err := d.root.Rename(name, aside); err != nil {
		return "", err
	}
	return aside, d.sync()
}

// aside lists what was set aside of a file, oldest first.
func (d *Dir) aside(name string) ([]string, error) {
	all, err := fs.ReadDir(d.root.FS(), ".") // sorted
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range all {
		if strings.HasPrefix(e.Name(), name+asideMark) {
			found = append(found, e.Name())
		}
	}
	return found, nil
}

// sync makes what was done to names in the directory last.
func (d *Dir) sync() error {
	self, err := d.root.Open(".")
	if err != nil {
		return err
	}
	defer self.Close()
	return self.Sync()
}

// Owner is who will use a directory.
type Owner struct{ UID, GID int }

// Self is who we are.
func Self() Owner { return Owner{os.Geteuid(), os.Getegid()} }
