//go:build !reactordebug

package edge

import (
	"testing"
	"unsafe"
)

// TestSizeOfAConnection keeps a connection of HTTP/1 within the allocator's class of 512 bytes: the
// next one has 576, of which the allocator takes 8.
func TestSizeOfAConnection(t *testing.T) {
	t.Parallel()
	if got := unsafe.Sizeof(conn{}); got > 512 {
		t.Errorf("a connection has %d bytes, want at most 512", got)
	}
}
