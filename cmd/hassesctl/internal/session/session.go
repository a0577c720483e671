// Package session gives commands what they need of the process: input, output, settings, and the
// control connection.
package session

import (
	"io"
	"time"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
)

// Session is one run of hassesctl.
type Session struct {
	Stdin   io.Reader
	Out     *output.Screen // results
	Err     *output.Screen // everything else
	Env     Environment
	Version string        // of hassesctl
	Refresh time.Duration // between two looks of --watch

	Settings // valid while a command runs
}

// New returns the session of a process that was started with env, as os.Environ gives it.
func New(stdin io.Reader, stdout, stderr io.Writer, env []string, version string) *Session {
	e := NewEnvironment(env)
	return &Session{
		Stdin:   stdin,
		Out:     output.NewScreen(stdout, e.Get),
		Err:     output.NewScreen(stderr, e.Get),
		Env:     e,
		Version: version,
		Refresh: time.Second,
	}
}

// Note tells people about what goes on, in a line of its own.
func (s *Session) Note(format string, args ...any) { s.Err.Printf("hassesctl: "+format+"\n", args...) }

// Print writes a result: doc as JSON if that is asked for, and otherwise what forPeople writes.
func (s *Session) Print(doc any, forPeople func()) error {
	if s.JSON {
		return s.Out.JSON(doc)
	}
	forPeople()
	return s.Out.Err()
}
