package tlsconn

import "io"

// maxBacklog bounds the bytes kept for a peer that does not read. It has room for a sealed record
// of 16 KiB, the longest certificate flight seen in practice, and many KeyUpdate replies of 26
// bytes.
const maxBacklog = 64 << 10

// output writes what the descriptor accepts and keeps the rest, in order. The zero value with d set
// is ready.
type output struct {
	d    Descriptor
	rest []byte // bytes not yet written; nil without any, because most connections are idle
	err  error  // the first error of the descriptor, or ErrBacklog
}

// write writes or keeps all of p, or returns the error that ended the output. It copies what it
// keeps.
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

// flush writes kept bytes until there are none or the descriptor would block, and reports whether
// some are left.
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
		return false, o.err // fail has dropped the kept bytes
	}
	if o.rest = rest[taken:]; len(o.rest) == 0 {
		o.rest = nil
	}
	return o.rest != nil, nil
}

// push writes p until the descriptor would block, and returns how many bytes it wrote. It sets
// o.err on a permanent error.
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

// fail ends the output and drops the kept bytes.
func (o *output) fail(err error) error {
	o.err, o.rest = err, nil
	return err
}

// input reads from d once. It returns io.ErrNoProgress for neither bytes nor an error, on which
// crypto/tls would spin.
func input(d Descriptor, p []byte) (int, error) {
	n, err := d.Read(p)
	if n > 0 {
		return n, nil // the next read returns the error again
	}
	if err == nil {
		return 0, io.ErrNoProgress
	}
	return 0, settle(err)
}

// Descriptor is a non-blocking byte stream, usually a socket. A call that would block returns a
// net.Error whose Temporary is true and whose Timeout is false (not a bare EAGAIN, which cannot be
// told from ETIMEDOUT). The implementation retries interrupted calls. Read returns io.EOF at the
// end. Write may write fewer bytes than given, with or without such an error, and does not keep
// them. One goroutine uses it at a time.
type Descriptor interface {
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
}

// MaxSeal is the most plaintext that fits one TLS record, and so one [Conn.Seal].
const MaxSeal = 16 << 10
