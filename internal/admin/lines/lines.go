// Package lines cuts a stream into commands, one a line. It does no I/O.
package lines

import (
	"bytes"
)

// A Splitter cuts a stream into commands. It holds at most one unfinished command. It announces one
// that is too long, or for which it gets no memory, once, and skips it to its end.
type Splitter struct {
	delimiter byte
	hold      func(bytes int) bool // nil: no bound

	partial  []byte // the unfinished command
	skipping bool   // inside a command that was announced, of skipped bytes
	skipped  int    // bytes of that command that were kept before
}

// End is how a command ended.
type End uint8

// The ends of commands.
const (
	Whole   End = iota
	TooLong     // visit gets its first bytes, as many as the limit allows; the rest is skipped
	NoRoom      // visit gets the bytes for which there was memory; the rest is skipped
)

const (
	// KeptBuffer is the largest buffer kept after a long command, so that an idle connection holds
	// little.
	KeptBuffer = 64 << 10
	// firstBuffer is the smallest buffer.
	firstBuffer = 512
)

// New returns a Splitter for commands that end at a newline, and at delimiter unless that is 0.
// hold reports whether the unfinished command may hold so many bytes in all, and may wait for them;
// the Splitter calls it with 0 when it gives them back. With a nil hold nothing bounds them.
func New(delimiter byte, hold func(bytes int) bool) *Splitter {
	return &Splitter{delimiter: delimiter, hold: hold}
}

// Feed takes the next bytes. visit gets each command without its end, valid until it returns. limit
// returns the most bytes that a command may have. Feed calls it before each: what one command
// changes, such as the role of a connection, holds for the next.
func (s *Splitter) Feed(data []byte, limit func() int, visit func(command []byte, end End)) {
	for len(data) > 0 {
		most, end := limit(), s.end(data)
		switch {
		case end < 0 && s.skipping:
			return
		case end < 0 && len(s.partial)+len(data) > most:
			s.overflow(data, most, visit)
			return
		case end < 0:
			if !s.keep(data, most) {
				s.skip(NoRoom, visit)
			}
			return
		case s.skipping:
			s.skipping = false
		case len(s.partial)+end > most:
			s.overflow(data, most, visit)
			s.skipping = false
		default:
			s.finish(data[:end], data[end] == '\n', most, visit)
			s.skipping = false
		}
		data = data[end+1:]
	}
}

// Flush ends the unfinished command, if there is one.
func (s *Splitter) Flush(visit func(command []byte, end End)) {
	if !s.skipping {
		s.finish(nil, false, 0, visit)
	}
	s.skipping = false
}

// Pending returns how many bytes the unfinished command has had; of one that is skipped, those that
// it had before.
func (s *Splitter) Pending() int {
	if s.skipping {
		return s.skipped
	}
	return len(s.partial)
}

func (s *Splitter) end(data []byte) int {
	end := bytes.IndexByte(data, '\n')
	if s.delimiter == 0 || s.delimiter == '\n' {
		return end
	}
	if end >= 0 {
		data = data[:end]
	}
	if d := bytes.IndexByte(data, s.delimiter); d >= 0 {
		return d
	}
	return end
}

// finish passes the unfinished command, completed by rest, to visit. A CR is dropped before a
// newline only.
func (s *Splitter) finish(rest []byte, newline bool, limit int, visit func(command []byte, end End)) {
	command := rest
	if len(s.partial) > 0 {
		if !s.keep(rest, limit) {
			s.skip(NoRoom, visit)
			return
		}
		command = s.partial
	}
	if n := len(command); newline && n > 0 && command[n-1] == '\r' {
		command = command[:n-1]
	}
	if len(command) > 0 {
		visit(command, Whole)
	}
	s.release()
}

func (s *Splitter) overflow(data []byte, limit int, visit func(command []byte, end End)) {
	why := TooLong
	if room := limit - len(s.partial); room > 0 && !s.keep(data[:room], limit) {
		why = NoRoom
	}
	s.skip(why, visit)
}

// skip announces the unfinished command and gives it up.
func (s *Splitter) skip(why End, visit func(command []byte, end End)) {
	s.skipping, s.skipped = true, max(1, len(s.partial))
	visit(s.partial, why)
	s.release()
}

// keep adds to the unfinished command, and returns whether there was memory for it.
func (s *Splitter) keep(data []byte, limit int) bool {
	need := len(s.partial) + len(data)
	if need > cap(s.partial) {
		size := max(need, min(2*cap(s.partial), limit), firstBuffer)
		if s.hold != nil && !s.hold(size) {
			return false
		}
		grown := make([]byte, len(s.partial), size)
		copy(grown, s.partial)
		s.partial = grown
	}
	s.partial = append(s.partial, data...)
	return true
}

func (s *Splitter) release() {
	s.partial = s.partial[:0]
	if cap(s.partial) > KeptBuffer {
		s.partial = nil
		if s.hold != nil {
			s.hold(0)
		}
	}
}
