package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/safetext"
)

// The rules of the output: results go to stdout, everything else to stderr. Text that came from somewhere else, which
// is all text but the formats in this program, is made visible on its way out. Only a terminal gets colours, and a
// terminal never gets raw data.

// screen is stdout or stderr.
type screen struct {
	w        io.Writer
	terminal bool
	colour   bool
	err      error // the first one of writing; later output is dropped
}

func newScreen(w io.Writer, env environment) *screen {
	terminal := isTerminal(w)
	return &screen{
		w:        w,
		terminal: terminal,
		colour:   terminal && env.get("NO_COLOR") == "" && env.get("TERM") != "dumb",
	}
}

// Write is for the libraries that want a writer.
func (s *screen) Write(b []byte) (int, error) {
	s.raw([]byte(safetext.VisibleLines(string(b))))
	return len(b), s.err
}

// raw writes bytes as they are.
func (s *screen) raw(b []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
}

// printf formats with the texts among args made visible; the format itself is trusted.
func (s *screen) printf(format string, args ...any) {
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			args[i] = safetext.Visible(arg)
		case error:
			args[i] = safetext.Visible(arg.Error())
		}
	}
	s.raw(fmt.Appendf(nil, format, args...))
}

// json writes one document on one line. What would be invisible in a text is escaped: the document is the same, and
// safe to look at.
func (s *screen) json(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	s.raw(safetext.VisibleJSON(b.Bytes()))
	return s.err
}

// style is how a text looks on a terminal.
type style string

const (
	plain  style = ""
	bold   style = "\x1b[1m"
	dim    style = "\x1b[2m"
	green  style = "\x1b[32m"
	yellow style = "\x1b[33m"
	red    style = "\x1b[31m"
)

// painted is visible text in a style. It is a type of its own so that printf does not escape it as it does the text of
// strangers.
type painted string

// paint puts already visible text into a style, if this screen has any.
func (s *screen) paint(st style, text string) painted {
	if !s.colour || st == plain || text == "" {
		return painted(text)
	}
	return painted(st) + painted(text) + "\x1b[0m"
}

// field is a line with a name and a value, as status and limits have them. The value is made visible.
func (s *screen) field(name, value string) string {
	return fmt.Sprintf("%s%s\n", s.paint(dim, fmt.Sprintf("%-16s", name)), safetext.Visible(value))
}

// width is the terminal's, or 0 where there is none to keep to.
func (s *screen) width() int {
	if f, ok := s.w.(*os.File); ok && s.terminal {
		if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil {
			return int(size.Col)
		}
	}
	return 0
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
