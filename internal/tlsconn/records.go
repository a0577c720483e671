package tlsconn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"

	"github.com/hassesd/hassesd/internal/tlsrecord"
)

// Records is what the connections of one event loop share that were handed over: their keys, and
// room to read into. It belongs to the loop.
type Records struct {
	ring *tlsrecord.Keyring
	in   [readAhead]byte
}

// readAhead is how much is read at a time.
const readAhead = 4 << 10

// NewRecords returns records without connections.
func NewRecords(o tlsrecord.Options) *Records { return &Records{ring: tlsrecord.New(o)} }

// SetHotBytes sets how many bytes the loop may use for keys that are ready to seal. If it is less
// than before, all of them are forgotten at once; they are made again one by one.
func (r *Records) SetHotBytes(bytes int) { r.ring.SetHotBytes(bytes) }

// Len returns the number of connections.
func (r *Records) Len() int { return r.ring.Len() }

// Hot returns how many keys are ready to seal, how many records found theirs, and how many did not.
func (r *Records) Hot() (n int, hits, misses uint64) { return r.ring.Hot() }

// busy is what a connection needs besides its keys while something is unfinished, or after an error.
type busy struct {
	out      output
	held     []byte // from the client, not opened yet; nil: nothing
	plain    []byte // opened, not read yet; nil: nothing
	readErr  error  // the first permanent error of ReadPlain
	writeErr error  // why nothing more is sealed
}

// hold makes the connection busy.
func (c *Conn) hold() *busy {
	if c.busy == nil {
		c.busy = &busy{out: output{d: c.d}}
	}
	return c.busy
}

// tidy makes the connection idle if nothing is unfinished.
func (c *Conn) tidy() {
	if b := c.busy; b != nil && b.out.rest == nil && b.out.err == nil && b.held == nil && b.plain == nil && b.readErr == nil && b.writeErr == nil {
		c.busy = nil
	}
}

// readRecords is ReadPlain.
func (c *Conn) readRecords(p []byte) (int, error) {
	defer c.tidy()
	for {
		if b := c.busy; b != nil {
			switch {
			case b.plain != nil:
				n := copy(p, b.plain)
				if b.plain = b.plain[n:]; len(b.plain) == 0 {
					b.plain = nil
				}
				return n, nil
			case b.readErr != nil:
				return 0, b.readErr
			}
		}
		record, err := c.nextRecord()
		if err != nil {
			return 0, err
		}
		if n := c.receive(record, p); n > 0 {
			return n, nil
		}
	}
}

// nextRecord returns a whole record, valid until the next call. Its error is that of ReadPlain.
func (c *Conn) nextRecord() ([]byte, error) {
	for {
		if b := c.busy; b != nil && b.held != nil {
			record, rest, err := cutRecord(b.held)
			if err != nil {
				return nil, c.refuse(err)
			}
			if b.held = rest; record != nil {
				return record, nil
			}
		}
		n, err := input(c.d, c.records.in[:])
		if err != nil {
			return nil, c.readFailed(err)
		}
		got := c.records.in[:n]
		if b := c.busy; b != nil && b.held != nil {
			b.held = append(b.held, got...)
			continue
		}
		record, rest, err := cutRecord(got)
		if err != nil {
			return nil, c.refuse(err)
		}
		if rest != nil {
			c.hold().held = bytes.Clone(rest) // the buffer is everybody's
		}
		if record != nil {
			return record, nil
		}
	}
}

// cutRecord cuts a whole record off the front of p, which is not empty; nil: there is none yet. rest
// is nil if it is empty.
func cutRecord(p []byte) (record, rest []byte, err error) {
	if len(p) < headerLen {
		return nil, p, nil
	}
	n, err := tlsrecord.Size(p)
	switch {
	case err != nil:
		return nil, nil, err
	case n > len(p):
		return nil, p, nil
	case n == len(p):
		return p, nil, nil
	}
	return p[:n], p[n:], nil
}

// readFailed returns an error of the descriptor as ReadPlain does.
func (c *Conn) readFailed(err error) error {
	if wouldBlock(err) {
		return err
	}
	b := c.hold()
	if errors.Is(err, io.EOF) && b.held != nil {
		err = io.ErrUnexpectedEOF
	}
	b.readErr, b.held = err, nil
	return err
}

// receive does what a record demands, and returns how many bytes of plaintext it has copied to p.
// What has not found room there waits.
func (c *Conn) receive(record, p []byte) int {
	got, plain, err := c.records.ring.Receive(c.keys, record)
	if err != nil {
		_ = c.refuse(err)
		return 0
	}
	switch got {
	case tlsrecord.Ignored:
	case tlsrecord.Data:
		n := copy(p, plain)
		if n < len(plain) {
			c.hold().plain = bytes.Clone(plain[n:])
		}
		return n
	case tlsrecord.UpdateWanted:
		c.answerUpdate()
	case tlsrecord.PeerClosed:
		b := c.hold()
		b.readErr, b.held = io.EOF, nil
	case tlsrecord.PeerAlert:
		b := c.hold()
		b.readErr, b.held = &net.OpError{Op: "remote error", Err: tls.AlertError(plain[0])}, nil
	}
	return 0
}

// answerUpdate sends the KeyUpdate that the client wants, unless we have closed our side. If the
// client makes us send more than it reads, that ends the connection. Other errors are left to the
// next write.
func (c *Conn) answerUpdate() {
	if c.writeErr() != nil {
		return
	}
	if err := c.send(c.records.ring.Update(c.keys)); errors.Is(err, ErrBacklog) {
		c.hold().readErr = err
	}
}

// refuse ends the connection because of what the client sent, and tells it why.
func (c *Conn) refuse(err error) error {
	alert := tlsrecord.InternalError
	errors.As(err, &alert)
	local := &net.OpError{Op: "local error", Err: tls.AlertError(alert)}
	if c.writeErr() == nil {
		_ = c.send(c.records.ring.Alert(c.keys, alert))
	}
	b := c.hold()
	b.readErr, b.held = local, nil
	if b.writeErr == nil {
		b.writeErr = local
	}
	return local
}

// errShutdown is crypto/tls's error, by the same text.
var errShutdown = errors.New("tls: protocol is shutdown")

// writeErr returns why nothing can be sealed, or nil.
func (c *Conn) writeErr() error {
	if b := c.busy; b != nil {
		if b.out.err != nil {
			return b.out.err
		}
		if b.writeErr != nil {
			return b.writeErr
		}
	}
	if c.notified {
		return errShutdown
	}
	return nil
}

// sealRecord is Seal.
func (c *Conn) sealRecord(p []byte) error {
	if err := c.writeErr(); err != nil {
		return err
	}
	if len(p) == 0 {
		return nil // as crypto/tls does
	}
	return c.send(c.records.ring.Seal(c.keys, tlsrecord.ApplicationData, p))
}

// send writes a sealed record and keeps what the descriptor does not take: it cannot be made again.
func (c *Conn) send(record []byte) error {
	if c.busy != nil {
		return c.busy.out.write(record)
	}
	out := output{d: c.d}
	err := out.write(record)
	if out.rest != nil || out.err != nil {
		c.hold().out = out
	}
	return err
}

// flushRecords is Flush.
func (c *Conn) flushRecords() (wantWrite bool, err error) {
	if c.busy == nil {
		return false, nil
	}
	wantWrite, err = c.busy.out.flush()
	c.tidy()
	return wantWrite, err
}

// notifyClose is CloseNotify.
func (c *Conn) notifyClose() error {
	err := c.writeErr()
	if errors.Is(err, errShutdown) {
		return nil
	}
	if err != nil {
		return err
	}
	err = c.send(c.records.ring.Alert(c.keys, tlsrecord.CloseNotify))
	c.notified = true
	return err
}
