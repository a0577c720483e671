package sandbox

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Path is a file or directory that the process will need, with its use.
type Path struct {
	Path string
	Use  Use
}

// Use is how the process will use a path.
type Use uint8

const (
	// ReadFile is a file that is reread by name after another program has replaced it. It grants
	// reading all files of its directory. If that is a shared system directory, it grants only the
	// file.
	ReadFile Use = iota + 1
	// ReadSystemFile is a system file that may not exist, and whose directory is not granted.
	ReadSystemFile
	// ReadDir is a directory whose contents are read and listed.
	ReadDir
	// AppendFile is a file that is recreated after another program has moved it. It grants creating
	// and writing files in its directory, but not reading them.
	AppendFile
	// RemoveFile is a file that is removed at exit.
	RemoveFile
	// Store is a directory in which files and directories are read, written, created and removed.
	Store
)

// String returns the use as one word.
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

// Grant is a path to grant: a directory with everything below it, or a file.
type Grant struct {
	Path string
	Use  Use
}

// broad are shared system directories. One file in them is no reason to grant the whole directory.
var broad = []string{
	"/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/mnt", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys",
	"/tmp", "/usr", "/usr/local", "/usr/local/etc", "/var", "/var/cache", "/var/lib", "/var/log", "/var/run", "/var/tmp",
	"/etc/ssl", "/run/user",
}

// maxLinks bounds the number of symbolic links to follow, as the kernel does.
const maxLinks = 40

// Grants returns the grants for the paths, without duplicates and in order. A file behind symbolic
// links needs the directories of all of them. Optional files that do not exist are left out.
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

// readGrants follows the symbolic links of path. In shared system directories, it grants the file
// only.
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

// besides returns the directory in which the next version of a directory will appear, if link is a
// symbolic link that each renewal switches, such as current -> releases/7. It returns "" for other
// directories, and for a link in a shared system directory.
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

// IsAlone reports whether only the file at path is granted, so that a replacement of it is not
// accessible.
func IsAlone(path string) bool {
	target, err := filepath.EvalSymlinks(path)
	return err == nil && slices.Contains(broad, filepath.Dir(target))
}

// rights returns the rights that a use needs.
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
