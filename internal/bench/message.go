package bench

import (
	"bytes"
	"fmt"
	"strconv"
)

// messageTag begins every message of this generator.
const messageTag = "hb1 "

// maxHead is the longest beginning of a message: tag, run, room, number and time.
const maxHead = len(messageTag) + len("ffffffff ") + len("9999999 ") + 2*len("9223372036854775807 ")

// MinSize is the length of the shortest message that holds all fields.
const MinSize = 80

// message is one message of the run: the seq-th of its room, counted from 1.
type message struct {
	room uint32
	seq  uint64
	sent int64 // when it was due, in nanoseconds since 1970
}

// form is the format of the messages of one run: "hb1 RUN ROOM SEQ SENT xxxx", size bytes long.
type form struct {
	run  string // tells our messages from those of other runs
	size int
}

// append adds the text of m to b.
func (f *form) append(b []byte, m message) []byte {
	start := len(b)
	b = append(b, messageTag...)
	b = append(b, f.run...)
	b = append(b, ' ')
	b = strconv.AppendUint(b, uint64(m.room), 10)
	b = append(b, ' ')
	b = strconv.AppendUint(b, m.seq, 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, m.sent, 10)
	b = append(b, ' ')
	for len(b)-start < f.size {
		b = append(b, 'x')
	}
	return b
}

// kind classifies an event of a stream.
type kind uint8

const (
	// ours is a message of this run, whole.
	ours kind = iota
	// foreign is a message of another publisher, or of an earlier run.
	foreign
	// broken is a message of this run that was cut, joined or damaged.
	broken
	// gap is hassesd's event for events that are missing.
	gap
)

// parse reads a message of that length from its head, which is its first maxHead bytes or all of
// it.
func (f *form) parse(head []byte, length int) (message, kind) {
	rest, isTagged := bytes.CutPrefix(head, []byte(messageTag))
	if !isTagged || len(rest) <= len(f.run) || string(rest[:len(f.run)]) != f.run || rest[len(f.run)] != ' ' {
		return message{}, foreign
	}
	rest = rest[len(f.run)+1:]
	room, rest := number(rest)
	seq, rest := number(rest)
	sent, rest := number(rest)
	if rest == nil || length != f.size || seq == 0 {
		return message{}, broken
	}
	return message{room: uint32(room), seq: seq, sent: int64(sent)}, ours
}

// number cuts a decimal number and the blank behind it from b; the rest is nil if there is none.
func number(b []byte) (n uint64, rest []byte) {
	for i, c := range b {
		switch {
		case c == ' ' && i > 0:
			return n, b[i+1:]
		case c < '0' || c > '9' || i >= len("9223372036854775807"):
			return 0, nil
		}
		n = n*10 + uint64(c-'0')
	}
	return 0, nil
}

// roomName returns the server's name of the room with that number in this run. Each run has rooms
// of its own.
func roomName(run string, room int) string { return fmt.Sprintf("bench_%s_%d", run, room) }
