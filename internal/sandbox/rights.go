package sandbox

import (
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// The file system rights that each ABI introduced, see landlock(7).
const (
	rightsABI1 = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1 // all up to MAKE_SYM
	rightsABI2 = unix.LANDLOCK_ACCESS_FS_REFER
	rightsABI3 = unix.LANDLOCK_ACCESS_FS_TRUNCATE
	rightsABI5 = unix.LANDLOCK_ACCESS_FS_IOCTL_DEV

	// fileRights are the rights that a rule for a file can have.
	fileRights = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_READ_FILE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
)

// erratumSignals is the erratum that, until it was fixed, kept threads in different domains from
// signalling each other. The Go runtime could not stop its threads.
const erratumSignals = 2

// handled are the rights that are denied unless a rule grants them.
type handled struct {
	fs, net, scoped uint64
}

// handledBy returns the rights that a kernel can deny. errata are the errata that it has fixed, one
// bit each. The rules are tested up to ABI 7. Rights that newer ABIs introduce are not used.
func handledBy(abi, errata int) handled {
	var h handled
	if abi >= 1 {
		h.fs |= rightsABI1
	}
	if abi >= 2 {
		h.fs |= rightsABI2
	}
	if abi >= 3 {
		h.fs |= rightsABI3
	}
	if abi >= 4 {
		h.net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if abi >= 5 {
		h.fs |= rightsABI5
	}
	if abi >= 6 {
		h.scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
		if errata&(1<<(erratumSignals-1)) != 0 {
			h.scoped |= unix.LANDLOCK_SCOPE_SIGNAL
		}
	}
	return h
}

// Covers returns the wanted grants that are not within the granted ones.
func Covers(granted, wanted []Grant) (missing []Grant) {
	for _, w := range wanted {
		isGranted := slices.ContainsFunc(granted, func(g Grant) bool {
			return g.Use.rights()&w.Use.rights() == w.Use.rights() && isBelow(w.Path, g.Path)
		})
		if !isGranted {
			missing = append(missing, w)
		}
	}
	return missing
}

func isBelow(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}
