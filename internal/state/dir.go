// Package state keeps small files that survive a restart, in a directory of the daemon's own.
//
// A file is written as a whole under another name and then renamed, and both are on the disk before
// Write returns. So after a crash, the old or the new file is there. The package does not trust the
// contents of the directory: it does not follow links, nor wait for pipes and devices. A file that
// its reader cannot parse is set aside and not deleted.
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
	// newSuffix ends the name of a file that is being written, which starts with a dot.
	newSuffix = ".new"
	// asideMark separates the name of a file that was set aside and the time of that.
	asideMark = ".damaged-"
	// asideTime sorts by time.
	asideTime = "20060102T150405.000000000Z"
	// maxAside bounds how many are kept of one file. The newest show what is wrong, and a daemon
	// that restarts again and again must not fill the disk.
	maxAside = 3
)

// Dir is a directory whose files only the daemon can change. Its methods may be called from any
// goroutine, but only one caller at a time may use a file. Names must not contain slashes.
type Dir struct {
	path string
	root *os.Root
	lock *os.File // locked while the directory is in use; nil: only inspected

	wasOpen bool // see WasOpen
}

// Path returns the path of the file with that name, for messages.
func (d *Dir) Path(name string) string { return filepath.Join(d.path, name) }

// Close closes the directory and unlocks it.
func (d *Dir) Close() error {
	var err error
	if d.lock != nil {
		err = d.lock.Close()
	}
	return errors.Join(err, d.root.Close())
}

// Open opens a file for reading. The error is fs.ErrNotExist if there is none.
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

// Read returns the content of a file of at most limit bytes.
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

// Write replaces a file by what write writes, with mode 0600. After an error, the file is
// unchanged.
func (d *Dir) Write(name string, write func(io.Writer) error) (err error) {
	temporary := "." + name + newSuffix // always the same name, so that crashes do not leave many
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

// Remove removes a file durably. It is not an error if there is none.
func (d *Dir) Remove(name string) error {
	if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.sync()
}

// SetAside renames a file, so that it can be examined, and returns the new name. Of files set aside
// before, it keeps the newest.
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

// aside returns the names of files set aside for name, oldest first.
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

// sync makes changes of names in the directory durable.
func (d *Dir) sync() error {
	self, err := d.root.Open(".")
	if err != nil {
		return err
	}
	defer self.Close()
	return self.Sync()
}

// Owner is the user and group that will use a directory.
type Owner struct{ UID, GID int }

// Self returns the user and group of the process.
func Self() Owner { return Owner{os.Geteuid(), os.Getegid()} }
