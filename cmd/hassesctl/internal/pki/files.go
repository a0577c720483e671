package pki

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// newFile is a file to write.
type newFile struct {
	path string
	text []byte
	mode fs.FileMode // whatever the umask says
}

// writePair writes both files or none. It replaces existing files only with replace; their old
// content then stays until the new one is on the disk.
func writePair(key, cert newFile, replace bool) error {
	if !replace {
		for _, f := range []newFile{key, cert} {
			if _, err := os.Lstat(f.path); err == nil {
				return fmt.Errorf("write %s: %w", f.path, fs.ErrExist)
			}
		}
	}
	keyTemp, err := key.writeTemporary()
	if err != nil {
		return err
	}
	defer os.Remove(keyTemp)
	certTemp, err := cert.writeTemporary()
	if err != nil {
		return err
	}
	defer os.Remove(certTemp)
	put := os.Link // it fails if another process was faster
	if replace {
		put = os.Rename
	}
	if err := put(keyTemp, key.path); err != nil {
		return fmt.Errorf("write %s: %w", key.path, err)
	}
	if err := put(certTemp, cert.path); err != nil {
		if !replace {
			os.Remove(key.path) // ours, and of no use
		}
		return fmt.Errorf("write %s: %w", cert.path, err)
	}
	return nil
}

// writeTemporary writes the content to a file beside its final place, and returns its path.
func (f newFile) writeTemporary() (string, error) {
	path := f.path + ".new"
	// A run that was killed may have left one behind. A symbolic link is removed, not followed.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("write %s: %w", f.path, err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("write %s: %w", f.path, err)
	}
	_, err = file.Write(f.text)
	if err == nil {
		err = file.Chmod(f.mode)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		os.Remove(path)
		return "", fmt.Errorf("write %s: %w", f.path, err)
	}
	return path, nil
}
