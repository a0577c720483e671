package tlsconn

import (
	"bytes"
	"sync"
)

// ahead reads as much from a descriptor as has come, whatever its reader asks for, and keeps the
// rest for the next read. A client's hello is read in parts, and its last records one by one, so a
// handshake would make a system call for each header and each part. Nothing is kept while a reader
// waits: it waits only where nothing is left.
type ahead struct {
	Descriptor
	rest []byte // read and not asked for yet; nil: nothing
}

// readBuffers are what reading needs for a moment, so that a handshake that waits holds none. They
// contain what clients sent.
var readBuffers = sync.Pool{New: func() any { return new([readAhead]byte) }} //nolint:gochecknoglobals // safe for all connections

// Read implements Descriptor.
func (a *ahead) Read(p []byte) (int, error) {
	if a.rest != nil {
		n := copy(p, a.rest)
		if a.rest = a.rest[n:]; len(a.rest) == 0 {
			a.rest = nil
		}
		return n, nil
	}
	if len(p) >= readAhead {
		return a.Descriptor.Read(p)
	}
	buffer := readBuffers.Get().(*[readAhead]byte)
	defer readBuffers.Put(buffer)
	got, err := a.Descriptor.Read(buffer[:])
	n := copy(p, buffer[:got])
	if n < got {
		a.rest = bytes.Clone(buffer[n:got])
	}
	return n, err
}
