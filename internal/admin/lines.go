package admin

import "bytes"

// lines cuts a stream into commands. It holds at most one unfinished command of at most limit bytes; one that is
// longer is announced once and skipped to its end. It does no I/O.
type lines struct {
	delimiter byte // ends a command besides the newline; 0: nothing else does
	partial   []byte
	skipping  bool // inside a command that was announced as too long, of limit bytes
	limit     int  // of that command
}

// keepBuffer is the largest buffer kept after a long command, so that an idle connection holds little.
const keepBuffer = 64 << 10

// feed takes the next bytes. visit gets each command without its end, valid until it returns; tooLong says that it is
// only the first limit bytes of one that is skipped.
func (l *lines) feed(data []byte, limit int, visit func(command []byte, tooLong bool)) {
	for len(data) > 0 {
		end := l.end(data)
		switch {
		case end < 0 && l.skipping:
			return
		case end < 0 && len(l.partial)+len(data) > limit:
			l.overflow(data, limit, visit)
			return
		case end < 0:
			l.partial = append(l.partial, data...)
			return
		case l.skipping:
			l.skipping = false
		case len(l.partial)+end > limit:
			l.overflow(data, limit, visit)
			l.skipping = false
		default:
			l.finish(data[:end], data[end] == '\n', visit)
		}
		data = data[end+1:]
	}
}

// flush ends the unfinished command, if there is one.
func (l *lines) flush(visit func(command []byte, tooLong bool)) {
	if !l.skipping {
		l.finish(nil, false, visit)
	}
	l.skipping = false
}

// pending is the number of bytes that a command has had which has begun and not ended; of one that is skipped those
// before it was.
func (l *lines) pending() int {
	if l.skipping {
		return l.limit
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
func (l *lines) finish(rest []byte, newline bool, visit func(command []byte, tooLong bool)) {
	command := rest
	if len(l.partial) > 0 {
		l.partial = append(l.partial, rest...)
		command = l.partial
	}
	if n := len(command); newline && n > 0 && command[n-1] == '\r' {
		command = command[:n-1]
	}
	if len(command) > 0 {
		visit(command, false)
	}
	l.release()
}

func (l *lines) overflow(data []byte, limit int, visit func(command []byte, tooLong bool)) {
	l.skipping, l.limit = true, limit
	if room := limit - len(l.partial); room > 0 {
		l.partial = append(l.partial, data[:room]...)
	}
	visit(l.partial, true)
	l.release()
}

func (l *lines) release() {
	l.partial = l.partial[:0]
	if cap(l.partial) > keepBuffer {
		l.partial = nil
	}
}
