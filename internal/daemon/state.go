package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/privdrop"
	"github.com/hassesd/hassesd/internal/state"
)

// ticketFile holds the keys of session tickets in the state directory.
const ticketFile = "tickets.json"

// ours returns the names of what the daemon keeps in the state directory, and others what else may
// be there: by default it has the cache of ACME, which belongs to its own user.
func ours(s *config.Settings) []string {
	names := []string{ticketFile}
	if path, _ := s.History.Path(&s.State); path != "" {
		names = append(names, filepath.Base(path))
	}
	return names
}

var others = []string{"acme"}

// stateOwner returns the user of what outlives a restart.
func stateOwner(identity *privdrop.Identity) state.Owner {
	if identity == nil {
		return state.Self()
	}
	return state.Owner{UID: identity.UID, GID: identity.GID}
}

// checkState returns what is wrong with the directories of what outlives a restart. It changes
// nothing.
func checkState(s *config.Settings, identity *privdrop.Identity) error {
	owner := stateOwner(identity)
	var problems []error
	if s.State.Dir != "" {
		if err := state.Check(s.State.Dir, owner, false, ours(s), others); err != nil {
			problems = append(problems, &fault{key: "state.dir", err: err})
		}
	}
	path, isGiven := s.History.Path(&s.State)
	if isGiven && !sameDirectory(path, s.State.Dir) {
		if err := state.Check(filepath.Dir(path), owner, true, nil, nil); err != nil {
			problems = append(problems, &fault{key: "history.file", err: fmt.Errorf("the directory %w", err)})
		}
	}
	if sameDirectory(path, s.State.Dir) && filepath.Base(path) == ticketFile {
		problems = append(problems, &fault{key: "history.file", err: fmt.Errorf("%s is where session ticket keys are kept; name another file", path)})
	}
	return errors.Join(problems...)
}

// stateDirs are the open directories of what outlives a restart.
type stateDirs struct {
	own         *state.Dir // nil: none
	history     *state.Dir // nil: the history is not kept
	historyName string     // of its file in history
}

// openState opens the directories before privileges are dropped: afterwards they may be out of
// reach.
func openState(s *config.Settings, identity *privdrop.Identity, log *slog.Logger, atEnd *closers) (stateDirs, error) {
	var dirs stateDirs
	owner := stateOwner(identity)
	if s.State.Dir != "" {
		dir, err := state.Prepare(s.State.Dir, owner, ours(s), others)
		if err != nil {
			return dirs, stateError("state.dir: %w", err)
		}
		atEnd.add(func() { _ = dir.Close() })
		dirs.own = dir
		if dir.WasOpen() {
			log.Warn("the group could write to the state directory; that was taken from it, and session ticket keys from there are not used", "dir", s.State.Dir)
		}
	}
	path, isGiven := s.History.Path(&s.State)
	switch {
	case path == "":
		return dirs, nil
	case !isGiven, sameDirectory(path, s.State.Dir):
		dirs.history = dirs.own
	default:
		dir, err := state.Use(filepath.Dir(path), owner)
		if err != nil {
			return dirs, stateError("history.file: the directory %w", err)
		}
		atEnd.add(func() { _ = dir.Close() })
		dirs.history = dir
	}
	dirs.historyName = filepath.Base(path)
	return dirs, nil
}

// stateError returns an error of the configuration, unless waiting helps.
func stateError(format string, err error) error {
	err = fmt.Errorf(format, err)
	if errors.Is(err, state.ErrInUse) {
		return err
	}
	return &configurationError{err}
}

// sameDirectory reports whether a file is in the state directory, by whatever name.
func sameDirectory(path, dir string) bool {
	if dir == "" || filepath.Dir(path) == filepath.Clean(dir) {
		return dir != ""
	}
	a, errA := os.Stat(filepath.Dir(path))
	b, errB := os.Stat(dir)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// setAside renames a file that cannot be used, so that it is neither lost nor in the way.
func setAside(log *slog.Logger, dir *state.Dir, name, what string, why error) {
	aside, err := dir.SetAside(name, time.Now())
	if err != nil {
		log.Error("file cannot be used, nor set aside", "what", what, "file", dir.Path(name), "err", errors.Join(why, err))
		return
	}
	log.Error("file cannot be used and was set aside", "what", what, "file", dir.Path(name), "aside", dir.Path(aside), "err", why)
}
