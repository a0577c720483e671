package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// descriptorLimit raises the soft limit of descriptors to the hard one and returns it.
func descriptorLimit() (int, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read the descriptor limit: %w", err)
	}
	if limit.Cur < limit.Max {
		limit.Cur = limit.Max
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			return 0, fmt.Errorf("raise the descriptor limit: %w", err)
		}
	}
	const most = 1 << 24 // "unlimited" is not a number to compute with
	return int(min(limit.Cur, most)), nil
}

// userName returns the name of a user, empty if there is none.
func userName(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return ""
	}
	return u.Username
}

// writePIDFile writes the process number, for scripts that expect it, and removes the file at the
// end.
func writePIDFile(path string, log *slog.Logger, atEnd *closers) error {
	if path == "" {
		return nil
	}
	content := strconv.Itoa(os.Getpid()) + "\n"
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return fmt.Errorf("write pid file: %w", err)
	}
	_, err = f.WriteString(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write pid file: %w", err)
	}
	if path == os.DevNull {
		return nil
	}
	atEnd.add(func() {
		if err := os.Remove(path); err != nil { // the daemon may be another user by now
			log.Debug("pid file stays", "err", err)
		}
	})
	return nil
}
