//go:build !reactordebug

package edge

import (
	"testing"
	"unsafe"
)

// TestSizeOfAConnection keeps a connection of HTTP/1 within the allocator's class of 640 bytes,
// which includes a header of 8: the next one has 704.
func TestSizeOfAConnection(t *testing.T) {
	t.Parallel()
	if got := unsafe.Sizeof(conn{}); got > 632 {
		t.Errorf("a connection has %d bytes, want at most 632", got)
	}
}
