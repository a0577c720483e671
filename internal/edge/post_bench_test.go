package edge

import (
	"testing"
)

// A short message by POST on a connection that is kept open, without the kernel.
func BenchmarkPost(b *testing.B) {
	w := postTestServer(b, nil)
	c := w.connect()
	text := []byte(withLength("/sse?to=a", "text/plain", "a message of some hundred bytes, such as back ends publish: not long, but not empty either"))
	b.ReportAllocs()
	for b.Loop() {
		c.Send(text)
		w.turn()
		c.received()
		c.got.Reset()
	}
	w.check()
}
