// Package output writes for people and for scripts: text, tables and JSON.
//
// Results go to stdout, everything else to stderr. All text but this program's own formats is made
// visible on its way out. Only a terminal gets colours, and a terminal never gets raw data.
package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/safetext"
)

// Screen is stdout or stderr. After the first error of writing it drops all further output.
type Screen struct {
	w        io.Writer
	terminal bool
	colour   bool
	width    func() int // of the terminal, in columns
	err      error      // the first one of writing
}

// NewScreen returns a screen for w. Colours depend on w being a terminal, and on NO_COLOR and TERM
// in the environment.
func NewScreen(w io.Writer, getenv func(string) string) *Screen {
	s := &Screen{w: w}
	if f, ok := w.(*os.File); ok && isTerminal(f) {
		s.terminal = true
		s.colour = getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
		s.width = func() int { return terminalWidth(f) }
	}
	return s
}

// NewTerminal returns a screen for w that is a terminal of that many columns, without colours.
func NewTerminal(w io.Writer, columns int) *Screen {
	return &Screen{w: w, terminal: true, width: func() int { return columns }}
}

// On returns a screen that writes to w as this one does to a terminal of that many columns, with the
// same colours.
func (s *Screen) On(w io.Writer, columns int) *Screen {
	return &Screen{w: w, terminal: true, colour: s.colour, width: func() int { return columns }}
}

// IsTerminal reports whether the output goes to a terminal.
func (s *Screen) IsTerminal() bool { return s.terminal }

// Writer returns what the screen writes to. Whatever is written there directly is not escaped.
func (s *Screen) Writer() io.Writer { return s.w }

// Err returns the first error of writing.
func (s *Screen) Err() error { return s.err }

// Write implements io.Writer for libraries. The text is made visible; line feeds and tabs stay.
func (s *Screen) Write(b []byte) (int, error) {
	s.Raw([]byte(safetext.VisibleLines(string(b))))
	return len(b), s.err
}

// Raw writes bytes as they are.
func (s *Screen) Raw(b []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
}

// Message is the text of an error or a remark, of which parts may be escaped already. Printf makes
// it visible without escaping these twice.
type Message string

// Printf makes the strings, messages and errors among args visible and formats them. The format
// itself is trusted.
func (s *Screen) Printf(format string, args ...any) {
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			args[i] = safetext.Visible(arg)
		case Message:
			args[i] = safetext.Message(string(arg))
		case error:
			args[i] = safetext.Message(arg.Error())
		}
	}
	s.Raw(fmt.Appendf(nil, format, args...))
}

// JSON writes one document on one line. Characters that a terminal does not show are escaped: the
// document is the same, and safe to look at.
func (s *Screen) JSON(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	s.Raw(safetext.VisibleJSON(b.Bytes()))
	return s.err
}

// Style is how a text looks on a terminal.
type Style string

// The styles.
const (
	Plain  Style = ""
	Bold   Style = "\x1b[1m"
	Dim    Style = "\x1b[2m"
	Green  Style = "\x1b[32m"
	Yellow Style = "\x1b[33m"
	Red    Style = "\x1b[31m"
)

// Painted is visible text in a style. Printf does not escape it.
type Painted string

// Paint puts text that is visible already into a style, if the screen has colours.
func (s *Screen) Paint(st Style, text string) Painted {
	if !s.colour || st == Plain || text == "" {
		return Painted(text)
	}
	return Painted(st) + Painted(text) + "\x1b[0m"
}

// Field returns a line with a name and a value, as status and limits have them. The value is made
// visible.
func (s *Screen) Field(name, value string) string {
	return fmt.Sprintf("%s%s\n", s.Paint(Dim, fmt.Sprintf("%-16s", name)), safetext.Visible(value))
}

// columns returns the terminal's width, or 0 where lines may have any length.
func (s *Screen) columns() int {
	if !s.terminal {
		return 0
	}
	return s.width()
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

func terminalWidth(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}
