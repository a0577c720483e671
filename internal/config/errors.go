package config

import "strings"

// Error is one error of the configuration.
type Error struct {
	Source string // file:line:column, --flag or HASSESD_NAME; empty: not set
	Key    string // the setting, such as history.bytes; empty: a whole file
	What   string
	Hint   string // what to do; may be empty

	isMissing bool // nothing is wrong with what is set; something else must be set as well
}

func (e *Error) Error() string {
	var b strings.Builder
	for _, part := range []string{e.Source, e.Key} {
		if part != "" {
			b.WriteString(part)
			b.WriteString(": ")
		}
	}
	b.WriteString(e.What)
	if e.Hint != "" {
		b.WriteString("; ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

// Errors is all errors of the configuration, in the order of the sources. It is never empty.
type Errors struct{ List []*Error }

// Error returns one line per error, but one line in all if settings are merely missing, as in a
// container that was started without any.
func (e *Errors) Error() string {
	lines := make([]string, 0, len(e.List))
	separator := "; and "
	for _, one := range e.List {
		lines = append(lines, one.Error())
		if !one.isMissing {
			separator = "\n"
		}
	}
	return strings.Join(lines, separator)
}

// Unwrap lets errors.As find a single [Error].
func (e *Errors) Unwrap() []error {
	errs := make([]error, 0, len(e.List))
	for _, one := range e.List {
		errs = append(errs, one)
	}
	return errs
}
