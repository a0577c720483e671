package sandbox

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Path is a file or directory that the process will need, and what for.
type Path struct {
	Path string
	Use  Use
}

// Use is what a path is for.
type Use uint8

const (
	// ReadFile is a file that is read again, by its name, after others have replaced it: the files of its directory can
	// be read. Where its directory is one of the system's, which holds everybody's files, it is the file alone.
	ReadFile Use = iota + 1
	// ReadSystemFile is a file of the system's that may not be there, and whose directory is not opened for its sake.
	ReadSystemFile
	// ReadDir is a directory in which all is read and listed.
	ReadDir
	// AppendFile is a file that is made anew when others have moved it away: files in its directory can be made and
	// written, and not read.
	AppendFile
	// RemoveFile is a file that is removed at the end.
	RemoveFile
	// Store is a directory in which files and directories are read, written, made and removed.
	Store
)

// String is the use in a word.
func (u Use) String() string {
	switch u {
	case ReadFile, ReadSystemFile:
		return "read"
	case ReadDir:
		return "list"
	case AppendFile:
		return "append"
	case RemoveFile:
		return "remove"
	case Store:
		return "store"
	}
	panic("sandbox: internal error: use of a path")
}

// Grant is a path as the kernel is told of it: a directory with all below, or a file.
type Grant struct {
	Path string
	Use  Use
}

// broad are directories that hold everybody's files, so that one file in them is no reason to open them all.
var broad = []string{
	"/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/mnt", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys",
	"/tmp", "/usr", "/usr/local", "/usr/local/etc", "/var", "/var/cache", "/var/lib", "/var/log", "/var/run", "/var/tmp",
	"/etc/ssl", "/run/user",
}

// maxLinks bounds how many symbolic links lead to a file, as the kernel does.
const maxLinks = 40

// Grants are what the paths come to, each once, in their order. A file that is reached by symbolic links needs the
// directories of all of them. What is not there and need not be is left out.
func Grants(paths []Path) ([]Grant, error) {
	var grants []Grant
	add := func(path string, use Use) {
		if g := (Grant{path, use}); !slices.Contains(grants, g) {
			grants = append(grants, g)
		}
	}
	for _, p := range paths {
		path, err := filepath.Abs(p.Path)
		if err != nil {
			return nil, err
		}
		switch p.Use {
		case ReadDir, Store:
			add(path, p.Use)
		case AppendFile, RemoveFile:
			info, err := os.Lstat(path)
			if err == nil && info.Mode()&fs.ModeCharDevice != 0 { // /dev/null, for instance
				add(path, p.Use)
				continue
			}
			add(filepath.Dir(path), p.Use)
		case ReadFile, ReadSystemFile:
			for _, g := range readGrants(path) {
				add(g, p.Use)
			}
		}
	}
	return grants, nil
}

// readGrants follows path through its links. Directories of the system's are not opened: of those, it is the file.
func readGrants(path string) []string {
	var paths []string
	for range maxLinks {
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return paths
		}
		if !slices.Contains(broad, dir) {
			paths = append(paths, dir)
		}
		if beside := besides(filepath.Dir(path), dir); beside != "" {
			paths = append(paths, beside)
		}
		path = filepath.Join(dir, filepath.Base(path))
		target, err := os.Readlink(path)
		switch {
		case err == nil && filepath.IsAbs(target):
			path = target
			continue
		case err == nil:
			path = filepath.Join(dir, target)
			continue
		}
		if _, err := os.Lstat(path); slices.Contains(broad, dir) && err == nil {
			paths = append(paths, path)
		}
		return paths
	}
	return paths
}

// besides answers where the next directory will be put, if the one that a file is in is a link that is turned around at each
// renewal, such as current -> releases/7: next to that. A link that lies among everybody's is not one of those. Empty: nowhere.
func besides(link, target string) string {
	if _, err := os.Readlink(link); err != nil {
		return ""
	}
	at, err := filepath.EvalSymlinks(filepath.Dir(link))
	beside := filepath.Dir(target)
	if err != nil || slices.Contains(broad, at) || slices.Contains(broad, beside) {
		return ""
	}
	return beside
}

// IsAlone says whether the file at path is granted by itself, so that another one put in its place is not.
func IsAlone(path string) bool {
	target, err := filepath.EvalSymlinks(path)
	return err == nil && slices.Contains(broad, filepath.Dir(target))
}

// rights are what a use needs.
func (u Use) rights() uint64 {
	switch u {
	case ReadFile, ReadSystemFile:
		return unix.LANDLOCK_ACCESS_FS_READ_FILE
	case ReadDir:
		return unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	case AppendFile:
		return unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_REG
	case RemoveFile:
		return unix.LANDLOCK_ACCESS_FS_REMOVE_FILE
	case Store:
		return unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
			unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_DIR |
			unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR
	}
	panic("sandbox: internal error: use of a path")
}
