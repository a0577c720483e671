package reactor

import (
	"testing"
	"unsafe"
)

// Every connection carries a source and one or two timers, and there may be
// hundreds of thousands of connections.
func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(Source{}); n > 40 {
		t.Errorf("a Source takes %d bytes", n)
	}
	if n := unsafe.Sizeof(Timer{}); n > 40 {
		t.Errorf("a Timer takes %d bytes", n)
	}
	if n := unsafe.Sizeof(Loop{}); n > 32<<10 {
		t.Errorf("a Loop takes %d bytes", n)
	}
}
