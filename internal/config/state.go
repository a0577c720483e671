package config

import (
	"path/filepath"
	"strings"
)

// stateDirectoryEnv is where systemd passes the directories that it has created for a service
// (StateDirectory=, systemd.exec(5)).
const stateDirectoryEnv = "STATE_DIRECTORY"

// historyOff is the value of history.file for no file.
const historyOff = "off"

// historyName is the file of the history in a state directory.
const historyName = "history.db"

// readStateDirectory sets the default of state.dir to the first directory that systemd has created.
func (l *loader) readStateDirectory(env []string) {
	for _, pair := range env {
		if name, value, _ := strings.Cut(pair, "="); name == stateDirectoryEnv && value != "" {
			l.settings.State.Dir, _, _ = strings.Cut(value, ":")
			l.origins["state.dir"] = origin{layerDefaults, stateDirectoryEnv}
		}
	}
}

// Path returns the file of the history, or "" for none. isGiven reports whether history.file is
// set; otherwise the file is in the state directory.
func (h *History) Path(state *State) (path string, isGiven bool) {
	switch {
	case h.File == historyOff:
		return "", false
	case h.File != "":
		return h.File, true
	case state.Dir != "":
		return filepath.Join(state.Dir, historyName), false
	}
	return "", false
}

// state checks state.dir and history.file.
func (c *checker) state() {
	if c.s.State.Dir != "" && filepath.Clean(c.s.State.Dir) == "/" {
		c.addError("state.dir", "write it as in /var/lib/hassesd", "the root directory cannot belong to the daemon")
	}
	if path, isGiven := c.s.History.Path(&c.s.State); isGiven && strings.HasSuffix(path, "/") {
		c.addError("history.file", "write it as in /var/lib/hassesd/history.db", "%q is a directory and not a file", path)
	}
}
