package tlsconn

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"unsafe"
)

// readBufferKeep is how large the read buffer of a waiting connection may be: what crypto/tls makes for a small record.
const readBufferKeep = 2 << 10

// rawInput is where crypto/tls keeps its read buffer within a tls.Conn. It is as large as the largest record that ever
// came, for as long as the connection lives, and there is no other way to it: one record of 16 KiB, which may hold a
// request of 60 bytes and padding, made a stream cost 22,900 bytes instead of 5,000. If a version of Go keeps it
// otherwise, nothing is given back, and TestALargeRecordCostsNothingAfterwards fails.
var rawInput, isReachable = func() (offset uintptr, ok bool) {
	f, found := reflect.TypeFor[tls.Conn]().FieldByName("rawInput")
	return f.Offset, found && f.Type == reflect.TypeFor[bytes.Buffer]()
}()

// shrinkReadBuffer frees a large read buffer if it is empty. Plaintext that crypto/tls has not handed out
// yet may lie in it, and keeps it until then. room is the largest size that the buffer has had. The last
// read must have blocked.
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
