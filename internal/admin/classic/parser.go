package classic

import (
	"github.com/hassesd/hassesd/internal/admin/lines"
)

// Parser cuts a stream into classic commands. A command ends at a newline, at the delimiter, or
// where [Parser.Flush] is called; where the stream is cut makes no difference.
type Parser struct {
	lines *lines.Splitter
}

// NewParser returns a Parser for commands that end at delimiter as well as at a newline. hold is
// that of [lines.New].
func NewParser(delimiter byte, hold func(bytes int) bool) *Parser {
	return &Parser{lines: lines.New(delimiter, hold)}
}

// Feed takes the next bytes. visit gets each command that they end, or a *SyntaxError. limit
// returns the most bytes that the next command may have; one with more is reported once, where it
// exceeds the limit, and skipped to its end.
func (p *Parser) Feed(data []byte, limit func() int, visit func(Command, *SyntaxError)) {
	p.lines.Feed(data, limit, func(command []byte, end lines.End) {
		switch end {
		case lines.Whole:
			visit(ParseCommand(string(command)))
		case lines.TooLong:
			visit(Command{}, &SyntaxError{Column: len(command) + 1, TooLong: true, Reason: "the command is too large"})
		case lines.NoRoom:
			visit(Command{}, &SyntaxError{Column: len(command) + 1, NoRoom: true, Reason: "there is no memory for the command"})
		}
	})
}

// Flush ends the unfinished command: at the end of the stream, or after a pause.
func (p *Parser) Flush(visit func(Command, *SyntaxError)) {
	p.lines.Flush(func(command []byte, _ lines.End) { visit(ParseCommand(string(command))) })
}

// Pending returns how many bytes the unfinished command has had; 0 without one.
func (p *Parser) Pending() int { return p.lines.Pending() }
