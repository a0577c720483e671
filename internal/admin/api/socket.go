package api

import (
	"os"
	"path/filepath"
	"strconv"
)

// DefaultSocket is where an installed hassesd listens for commands.
const DefaultSocket = "/run/hassesd/control.sock"

// DevSocket is where a hassesd started with --dev by the same user listens: in the user's runtime
// directory, or in a directory of the user's own among the temporary files.
func DevSocket() string { return filepath.Join(DevDir(), "control.sock") }

// DevFIFO is where it takes classic commands from a pipe.
func DevFIFO() string { return filepath.Join(DevDir(), "fifo") }

// DevDir is the directory of both.
func DevDir() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "hassesd")
	}
	return filepath.Join(os.TempDir(), "hassesd-"+strconv.Itoa(os.Geteuid()))
}
