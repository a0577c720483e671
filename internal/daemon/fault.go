package daemon

import (
	"errors"
	"strings"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/supervise"
)

// ErrConfiguration marks errors that only a change of the configuration can correct: a certificate
// that is missing or does not fit, a user that does not exist.
var ErrConfiguration = errors.New("configuration error")

// configurationError is ErrConfiguration with its reason as the text.
type configurationError struct{ err error }

func (e *configurationError) Error() string        { return e.err.Error() }
func (e *configurationError) Unwrap() error        { return e.err }
func (e *configurationError) Is(target error) bool { return target == ErrConfiguration }

// fault is one thing wrong with what a setting names: a file, a user, a directory.
type fault struct {
	key    string // of the setting
	err    error
	source string // where the setting was set, as config.Error has it; empty: unknown, or nowhere
}

func (f *fault) Error() string {
	text := f.key + ": " + f.err.Error()
	if f.source != "" {
		text = f.source + ": " + text
	}
	return text
}

func (f *fault) Unwrap() error        { return f.err }
func (f *fault) Is(target error) bool { return target == ErrConfiguration }

// toFaults splits a joined error into faults, and gives key to those that have none of their own.
func toFaults(key string, err error) []*fault {
	if err == nil {
		return nil
	}
	if parts, ok := isJoin(err); ok {
		var all []*fault
		for _, one := range parts {
			all = append(all, toFaults(key, one)...)
		}
		return all
	}
	switch e := err.(type) { //nolint:errorlint // what is wrapped in more than these is one fault with its own text
	case *fault:
		return []*fault{e}
	case *configurationError:
		return toFaults(key, e.err)
	case *access.SettingError:
		return toFaults("control."+e.Setting, e.Err)
	}
	return []*fault{{key: key, err: err}}
}

// isJoin returns the errors that errors.Join has made err of, and reports whether it is one. An
// error that only quotes several others has a text of its own.
func isJoin(err error) ([]error, bool) {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil, false
	}
	parts := several.Unwrap()
	texts := make([]string, len(parts))
	for i, one := range parts {
		texts[i] = one.Error()
	}
	return parts, strings.Join(texts, "\n") == err.Error()
}

// eachFault returns the faults of an error of readParts, or the single error that err is.
func eachFault(err error) []error {
	var all *configurationError
	if errors.As(err, &all) {
		if parts, ok := isJoin(all.err); ok {
			return parts
		}
	}
	return []error{err}
}

// asConfiguration marks the errors of inherited sockets, which the settings or the units must
// correct.
func asConfiguration(err error) error {
	var socket *supervise.SocketError
	if errors.As(err, &socket) {
		return &configurationError{err}
	}
	return err
}
