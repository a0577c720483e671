package http2

import (
	"testing"
	"unsafe"
)

// TestSizes holds what a connection and a stream keep, of which there are very many.
func TestSizes(t *testing.T) {
	t.Parallel()
	if size := unsafe.Sizeof(Conn{}); size > 160 {
		t.Errorf("a connection takes %d bytes", size)
	}
	if size := unsafe.Sizeof(Stream{}); size > 64 {
		t.Errorf("a stream takes %d bytes", size)
	}
}

// TestADeliveryAllocatesNothing holds what BenchmarkDelivery measures.
func TestADeliveryAllocatesNothing(t *testing.T) {
	p := connected(t)
	streams := make([]*app, 0, 10)
	for i := range uint32(10) {
		streams = append(streams, p.open(2*i+1))
	}
	record := make([]byte, 0, 16<<10)
	text := []byte("data: hello\n\n")
	deliver := func() {
		for _, a := range streams {
			a.payload = text
			p.conn.HaveData(&a.Stream)
		}
		record = p.conn.AppendFrames(record[:0], 16<<10)
		p.conn.send.window = initialWindow
		for _, a := range streams {
			a.sendWindow = initialWindow
		}
	}
	if n := testing.AllocsPerRun(100, deliver); n > 0 {
		t.Errorf("%v allocations for ten deliveries", n)
	}
	if len(record) != 10*(frameHeaderLen+len(text)) {
		t.Errorf("a record of %d bytes", len(record))
	}
}
