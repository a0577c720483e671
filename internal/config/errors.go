package config

import "strings"

// Error is one thing wrong with the configuration.
type Error struct {
	Source string // where it was said: file:line:column, --flag or HASSESD_NAME; empty: nowhere, it is missing
	Key    string // the setting, history.bytes; empty when it is about a whole file
	What   string
	Hint   string // what to do; may be empty
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

// Errors is everything wrong with the configuration, in the order of the sources; it is never
// empty.
type Errors struct{ List []*Error }

// Error has a line for each.
func (e *Errors) Error() string {
	lines := make([]string, 0, len(e.List))
	for _, one := range e.List {
		lines = append(lines, one.Error())
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a single [Error].
func (e *Errors) Unwrap() []error {
	errs := make([]error, 0, len(e.List))
	for _, one := range e.List {
		errs = append(errs, one)
	}
	return errs
}
