package pemfile

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"
)

// Block is one block of a file.
type Block struct {
	Type    string
	Headers map[string]string
	Bytes   []byte
	Line    int // of its first line, from 1
}

// Error is an error in a text. It does not quote anything that could be part of a key.
type Error struct {
	Line int // 0: the text as a whole
	What string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.What
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.What)
}

func errorAt(line int, format string, args ...any) *Error {
	return &Error{Line: line, What: fmt.Sprintf(format, args...)}
}

// exactBoundary matches a line that encoding/pem accepts as the first or last line of a block.
var exactBoundary = regexp.MustCompile(`^-----(BEGIN|END) ([^\r\n]*?)-----[ \t\r]*$`)

// looksLikeBoundary matches a line that was meant as one: it may be indented, commented out or
// joined with another line, or have dashes from a word processor.
var looksLikeBoundary = regexp.MustCompile(`(-{4,}|[\x{2010}-\x{2015}\x{2212}]-*)((?i:BEGIN|END)|[ \t]+(BEGIN|END))[ \t]`)

const byteOrderMark = "\ufeff"

// Blocks returns all blocks of a text in order, possibly none. The error is an [*Error].
func Blocks(text []byte) ([]Block, error) {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return nil, errorAt(1, "the file is UTF-16; save it as plain ASCII or UTF-8")
	}
	var blocks []Block
	var begin opened
	rest := text
	for number := 1; len(rest) > 0; number++ {
		offset := len(text) - len(rest)
		var line []byte
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			line, rest = rest[:end], rest[end+1:]
		} else {
			line, rest = rest, nil
		}
		word, label, err := boundary(line, number)
		switch {
		case err != nil:
			return nil, err
		case word == "":
			continue
		case word == "BEGIN" && begin.line > 0:
			return nil, errorAt(begin.line, "the %s that begins here is cut off: another one begins in line %d", begin.label, number)
		case word == "BEGIN":
			begin = opened{line: number, offset: offset, label: label}
			continue
		case begin.line == 0:
			return nil, errorAt(number, "a %s ends here that has no beginning", label)
		case label != begin.label:
			return nil, errorAt(number, "the %s that begins in line %d ends as %q", begin.label, begin.line, label)
		}
		block, err := begin.decode(text[begin.offset : len(text)-len(rest)])
		if err != nil {
			return nil, err
		}
		blocks, begin = append(blocks, block), opened{}
	}
	if begin.line > 0 {
		return nil, errorAt(begin.line, "the %s that begins here is cut off: its END line is missing", begin.label)
	}
	return blocks, nil
}

// opened is the first line of the current block; its line is 0 outside of a block.
type opened struct {
	line, offset int
	label        string
}

// decode reads a block whose first and last lines are valid.
func (o opened) decode(text []byte) (Block, error) {
	block, rest := pem.Decode(text)
	if block == nil || len(rest) > 0 || block.Type != o.label {
		return Block{}, errorAt(o.line, "the %s that begins here is damaged: what it holds is not base64", o.label)
	}
	return Block{Type: block.Type, Headers: block.Headers, Bytes: block.Bytes, Line: o.line}, nil
}

// boundary returns BEGIN or END and the label of a line that is the first or last line of a block.
// It returns "" for any other line.
func boundary(line []byte, number int) (word, label string, err error) {
	if found := exactBoundary.FindSubmatch(line); found != nil {
		word, label = string(found[1]), string(found[2])
		if label != "" && !looksLikeBoundary.MatchString(label) && !strings.Contains(label, "--") && isPrintable(label) {
			return word, label, nil
		}
	} else if !looksLikeBoundary.Match(line) {
		return "", "", nil
	}
	if bytes.HasPrefix(line, []byte(byteOrderMark)) {
		return "", "", errorAt(number, "a byte order mark stands before the block; save the file without one")
	}
	return "", "", errorAt(number, "the line is not just %q or %q; it must have five hyphens on both sides, and nothing beside them",
		"-----BEGIN …-----", "-----END …-----")
}

func isPrintable(label string) bool {
	return !strings.ContainsFunc(label, func(r rune) bool { return r < ' ' || r > '~' })
}
