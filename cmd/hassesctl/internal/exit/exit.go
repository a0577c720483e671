// Package exit holds the exit codes of hassesctl, and the error that carries one with a hint of
// what to do next.
package exit

import "fmt"

// The exit codes. They are a promise: scripts branch on them.
const (
	OK          = 0
	Failed      = 1
	Usage       = 2
	Unreachable = 3
	NotAllowed  = 4
	NotFound    = 5
	Timeout     = 6
)

// Meanings holds the meaning of each code, for the help.
var Meanings = [...]string{
	OK:          "ok",
	Failed:      "failed",
	Usage:       "the command line or the environment makes no sense",
	Unreachable: "the daemon cannot be reached",
	NotAllowed:  "not allowed",
	NotFound:    "not found: no such client or room, or no receivers",
	Timeout:     "timed out",
}

// An Error is an error with its exit code and what to do next.
type Error struct {
	Code int
	Err  error
	Hint string // may be empty
}

// Error implements error.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error without its code.
func (e *Error) Unwrap() error { return e.Err }

// Usagef returns the error for a mistake on the command line.
func Usagef(format string, args ...any) error {
	return &Error{Code: Usage, Err: fmt.Errorf(format, args...)}
}

// NotFoundf returns the error for a command that succeeded and found nobody.
func NotFoundf(format string, args ...any) error {
	return &Error{Code: NotFound, Err: fmt.Errorf(format, args...)}
}
