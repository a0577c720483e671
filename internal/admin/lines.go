package admin

import "bytes"

// lines cuts a stream into commands. It holds at most one unfinished command; one that is too long, or for which there is
// no memory, is announced once and skipped to its end. It does no I/O.
type lines struct {
	delimiter byte // ends a command besides the newline; 0: nothing else does
	// hold asks whether the unfinished command may hold so many bytes in all, and may wait for them. It is told when they
	// are fewer. nil: nobody counts them.
	hold func(bytes int) bool

	partial  []byte
	skipping bool // inside a command that was announced, of skipped bytes
	skipped  int  // bytes of that command that were kept before
}

// lineEnd is how a command ended.
type lineEnd uint8

const (
	lineWhole   lineEnd = iota
	lineTooLong         // what there is are its first bytes, as many as the limit allows; the rest is skipped
	lineNoRoom          // what there is are the bytes for which there was memory; the rest is skipped
)

const (
	// keepBuffer is the largest buffer kept after a long command, so that an idle connection holds little.
	keepBuffer = 64 << 10
	// firstBuffer is the least one that is made.
	firstBuffer = 512
)

// feed takes the next bytes. visit gets each command without its end, valid until it returns. limit is asked for the most
// bytes of a command before each of them: what one command changes, as the role of a connection, holds for the next.
func (l *lines) feed(data []byte, limit func() int, visit func(command []byte, end lineEnd)) {
	for len(data) > 0 {
		most, end := limit(), l.end(data)
		switch {
		case end < 0 && l.skipping:
			return
		case end < 0 && len(l.partial)+len(data) > most:
			l.overflow(data, most, visit)
			return
		case end < 0:
			if !l.keep(data, most) {
				l.skip(lineNoRoom, visit)
			}
			return
		case l.skipping:
			l.skipping = false
		case len(l.partial)+end > most:
			l.overflow(data, most, visit)
			l.skipping = false
		default:
			l.finish(data[:end], data[end] == '\n', most, visit)
			l.skipping = false
		}
		data = data[end+1:]
	}
}

// flush ends the unfinished command, if there is one.
func (l *lines) flush(visit func(command []byte, end lineEnd)) {
	if !l.skipping {
		l.finish(nil, false, 0, visit)
	}
	l.skipping = false
}

// pending is the number of bytes that a command has had which has begun and not ended; of one that is skipped those
// before it was.
func (l *lines) pending() int {
	if l.skipping {
		return l.skipped
	}
	return len(l.partial)
}

func (l *lines) end(data []byte) int {
	end := bytes.IndexByte(data, '\n')
	if l.delimiter == 0 || l.delimiter == '\n' {
		return end
	}
	if end >= 0 {
		data = data[:end]
	}
	if d := bytes.IndexByte(data, l.delimiter); d >= 0 {
		return d
	}
	return end
}

// finish hands over the unfinished command with rest behind it. A CR is dropped before a newline only.
func (l *lines) finish(rest []byte, newline bool, limit int, visit func(command []byte, end lineEnd)) {
	command := rest
	if len(l.partial) > 0 {
		if !l.keep(rest, limit) {
			l.skip(lineNoRoom, visit)
			return
		}
		command = l.partial
	}
	if n := len(command); newline && n > 0 && command[n-1] == '\r' {
		command = command[:n-1]
	}
	if len(command) > 0 {
		visit(command, lineWhole)
	}
	l.release()
}

func (l *lines) overflow(data []byte, limit int, visit func(command []byte, end lineEnd)) {
	why := lineTooLong
	if room := limit - len(l.partial); room > 0 && !l.keep(data[:room], limit) {
		why = lineNoRoom
	}
	l.skip(why, visit)
}

// skip announces the unfinished command and gives it up.
func (l *lines) skip(why lineEnd, visit func(command []byte, end lineEnd)) {
	l.skipping, l.skipped = true, max(1, len(l.partial))
	visit(l.partial, why)
	l.release()
}

// keep adds to the unfinished command, and returns whether there was memory for it.
func (l *lines) keep(data []byte, limit int) bool {
	need := len(l.partial) + len(data)
	if need > cap(l.partial) {
		size := max(need, min(2*cap(l.partial), limit), firstBuffer)
		if l.hold != nil && !l.hold(size) {
			return false
		}
		grown := make([]byte, len(l.partial), size)
		copy(grown, l.partial)
		l.partial = grown
	}
	l.partial = append(l.partial, data...)
	return true
}

func (l *lines) release() {
	l.partial = l.partial[:0]
	if cap(l.partial) > keepBuffer {
		l.partial = nil
		if l.hold != nil {
			l.hold(0)
		}
	}
}
