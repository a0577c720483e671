package edge

import (
	"bytes"
	"io"
	"net"
	"time"
)

// recorder is a connection that keeps what is written, and whose peer never says a word.
type recorder struct{ got bytes.Buffer }

var _ net.Conn = (*recorder)(nil)

func (*recorder) Read([]byte) (int, error)         { return 0, io.EOF }
func (r *recorder) Write(p []byte) (int, error)    { return r.got.Write(p) }
func (*recorder) Close() error                     { return nil }
func (*recorder) LocalAddr() net.Addr              { return nil }
func (*recorder) RemoteAddr() net.Addr             { return nil }
func (*recorder) SetDeadline(time.Time) error      { return nil }
func (*recorder) SetReadDeadline(time.Time) error  { return nil }
func (*recorder) SetWriteDeadline(time.Time) error { return nil }
