package tlsconn

import "io"

// maxBacklog bounds the bytes kept for a peer that does not take them. It holds a sealed record of 16 KiB and the
// longest certificate flight seen in practice, with room for thousands of KeyUpdate answers of 26 bytes.
const maxBacklog = 64 << 10

// output writes to the descriptor what it takes and keeps the rest, in order. The zero value with d set is ready.
type output struct {
	d    Descriptor
	rest []byte // bytes not yet taken; nil when there are none, since most connections are idle most of the time
	err  error  // the first error of the descriptor, or ErrBacklog
}

// write takes all of p or returns the error that ended the output. It does not keep p.
func (o *output) write(p []byte) error {
	if o.err != nil {
		return o.err
	}
	taken := 0
	if len(o.rest) == 0 {
		taken = o.push(p)
		if o.err != nil {
			return o.err
		}
	} else if len(o.rest)+len(p) > maxBacklog {
		return o.fail(ErrBacklog)
	}
	if taken < len(p) {
		o.rest = append(o.rest, p[taken:]...)
	}
	return nil
}

// flush writes kept bytes until there are none or the descriptor takes no more; wantWrite tells that some are left.
func (o *output) flush() (wantWrite bool, err error) {
	if o.err != nil {
		return false, o.err
	}
	if len(o.rest) == 0 {
		return false, nil
	}
	rest := o.rest
	taken := o.push(rest)
	if o.err != nil {
		return false, o.err // and nothing is kept any more
	}
	if o.rest = rest[taken:]; len(o.rest) == 0 {
		o.rest = nil
	}
	return o.rest != nil, nil
}

// push writes p until the descriptor would block and returns how many bytes it took. It sets o.err at a real error.
func (o *output) push(p []byte) int {
	taken := 0
	for taken < len(p) {
		n, err := o.d.Write(p[taken:])
		if n < 0 || n > len(p)-taken {
			panic("tlsconn: internal error: descriptor took an impossible number of bytes")
		}
		taken += n
		if err != nil {
			if err = settle(err); !wouldBlock(err) {
				_ = o.fail(err)
			}
			return taken
		}
		if n == 0 {
			return taken
		}
	}
	return taken
}

// fail ends the output and releases what was kept.
func (o *output) fail(err error) error {
	o.err, o.rest = err, nil
	return err
}

// input reads from d once. A descriptor that returns neither bytes nor an error would make crypto/tls spin.
func input(d Descriptor, p []byte) (int, error) {
	n, err := d.Read(p)
	if n > 0 {
		return n, nil // an error beside bytes comes again at the next read
	}
	if err == nil {
		return 0, io.ErrNoProgress
	}
	return 0, settle(err)
}

// Descriptor is a non-blocking byte stream, a socket as a rule. When a call would block it returns a net.Error whose
// Temporary is true and whose Timeout is false (not a bare EAGAIN, which cannot be told from ETIMEDOUT); interrupted
// calls are its own business. Read returns io.EOF at the end. Write may take fewer bytes than it is given, with or
// without such an error, and does not keep them. It is used by one goroutine at a time.
type Descriptor interface {
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
}

// MaxSeal is the most plaintext that fits one TLS record, and so one [Conn.Seal].
const MaxSeal = 16 << 10
