package tlsconn

import (
	"bytes"
	"sync"
)

// ahead reads up to readAhead bytes from a descriptor, however few its reader asks for, and keeps the
// rest for the next read. Without it a handshake would make a system call for each header and each part, as
// crypto/tls reads a client's hello in parts and its last records one by one. Nothing is kept while a
// reader waits: it waits only when nothing is left.
//
// A goroutine that reads here has the deep stack of crypto/tls, which a few more frames would double
// for as long as the handshake lasts: so nothing is allocated or deferred.
type ahead struct {
	Descriptor
	buffer *[readAhead]byte // contains rest; nil: there is none
	rest   []byte           // read and not asked for yet
}

// readBuffers are shared by all handshakes: one that waits for its peer holds none. They contain what
// clients sent.
var readBuffers = sync.Pool{New: func() any { return new([readAhead]byte) }} //nolint:gochecknoglobals // safe for all connections

// Read implements Descriptor.
func (a *ahead) Read(p []byte) (int, error) {
	var err error
	if a.buffer == nil {
		if len(p) >= readAhead {
			return a.Descriptor.Read(p)
		}
		var n int
		a.buffer = readBuffers.Get().(*[readAhead]byte)
		n, err = a.Descriptor.Read(a.buffer[:])
		a.rest = a.buffer[:n]
	}
	n := copy(p, a.rest)
	if a.rest = a.rest[n:]; len(a.rest) == 0 {
		a.release()
	}
	return n, err
}

func (a *ahead) release() {
	readBuffers.Put(a.buffer)
	a.buffer, a.rest = nil, nil
}

// end returns what was not asked for, nil for nothing. Nothing is read afterwards.
func (a *ahead) end() []byte {
	if a.buffer == nil {
		return nil
	}
	defer a.release()
	return bytes.Clone(a.rest)
}
