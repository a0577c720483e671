package daemon

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/config"
)

func TestPathsOfCreatedFilesAreChecked(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "socket")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, tc := range []struct {
		name   string
		change func(*config.Settings)
		want   string // part of the error; empty: none
	}{
		{"nothing there yet", func(s *config.Settings) {
			s.LogFile, s.PIDFile, s.Control.FIFO = filepath.Join(dir, "l"), filepath.Join(dir, "p"), filepath.Join(dir, "f")
		}, ""},
		{"what was there before", func(s *config.Settings) { s.LogFile, s.PIDFile, s.Control.Socket = file, file, socket }, ""},
		{"a log nobody wants", func(s *config.Settings) { s.LogFile = "/dev/null" }, ""},
		{"a socket in a directory that the start makes", func(s *config.Settings) { s.Control.Socket = filepath.Join(dir, "new", "s") }, ""},
		{"a directory that is not there", func(s *config.Settings) { s.PIDFile = filepath.Join(dir, "not", "p") }, "pid_file"},
		{"a file for a directory", func(s *config.Settings) { s.LogFile = filepath.Join(file, "l") }, "log_file"},
		{"a directory for a file", func(s *config.Settings) { s.LogFile = dir }, "is a directory"},
		{"a file for a FIFO", func(s *config.Settings) { s.Control.FIFO = file }, "is a regular file, not a FIFO"},
		{"a socket for a FIFO", func(s *config.Settings) { s.Control.FIFO = socket }, "is a socket"},
		{"a file for a socket", func(s *config.Settings) { s.Control.Socket = file }, "control.socket"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s config.Settings
			tc.change(&s)
			err := checkCreatedFiles(&s)
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (!errors.Is(err, ErrConfiguration) || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}
