package tlsconn

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"unsafe"
)

// readBufferKeep is the largest read buffer that a waiting connection keeps: what crypto/tls
// allocates for a small record.
const readBufferKeep = 2 << 10

// rawInput is the offset of crypto/tls's read buffer in a tls.Conn. The buffer stays as large as
// the largest record of the connection, and crypto/tls has no API to shrink it: one record of 16
// KiB, which may be a request of 60 bytes with padding, made a stream cost 22,900 bytes instead of
// 5,000. If a version of Go stores it differently, no buffer shrinks and
// TestALargeRecordCostsNothingAfterwards fails.
var rawInput, isReachable = func() (offset uintptr, ok bool) {
	f, found := reflect.TypeFor[tls.Conn]().FieldByName("rawInput")
	return f.Offset, found && f.Type == reflect.TypeFor[bytes.Buffer]()
}()

// shrinkReadBuffer frees a large read buffer if it is empty. Plaintext that crypto/tls has not
// handed out yet may lie in it, and keeps it until then. room is the largest size that the buffer
// has had. The last read must have blocked.
func shrinkReadBuffer(server *tls.Conn, room *int32) {
	if *room <= readBufferKeep || !isReachable {
		return
	}
	buffer := (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(server), rawInput))
	if buffer.Len() == 0 {
		*buffer = bytes.Buffer{}
		*room = 0
	}
}
