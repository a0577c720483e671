package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/sandbox"
)

// checkChroot refuses a chroot in which what the daemon opens while it runs is not what it is
// outside.
func checkChroot(s *config.Settings, sources []string) error {
	if os.Geteuid() != 0 {
		return &configurationError{errors.New("chroot: only root can change its root; leave it out, or let the service manager do it")}
	}
	var problems []string
	for _, n := range neededPaths(s, sources) {
		if !filepath.IsAbs(n.Path.Path) { // the chroot is the working directory then
			return &configurationError{fmt.Errorf("%s: %s would be another file after the chroot; write it from / on", cmp.Or(n.key, "names"), n.Path.Path)}
		}
		grants, err := sandbox.Grants([]sandbox.Path{n.Path})
		if err != nil {
			return err
		}
		for _, g := range grants {
			if !isSameInside(s.Chroot, g.Path) {
				problems = append(problems, fmt.Sprintf("%s (%s)", g.Path, cmp.Or(n.key, "names")))
			}
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return &configurationError{fmt.Errorf("chroot: %s must hold at the same paths what the daemon opens while it runs, for instance by bind mounts; it lacks %s",
		s.Chroot, strings.Join(problems, ", "))}
}

// isSameInside reports whether path leads to the same file inside the chroot as outside, or to none
// outside.
func isSameInside(chroot, path string) bool {
	outside, err := os.Stat(path)
	if errors.Is(err, syscall.ENOENT) {
		return true
	}
	inside, errInside := os.Stat(filepath.Join(chroot, path))
	return err == nil && errInside == nil && os.SameFile(outside, inside)
}
