package http2

import (
	"runtime"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// tooLong sends the head of a request that is over the limit: fields of so many bytes each, in frames
// that are as long as they may be.
func (p *peer) tooLong(id uint32, fields, each int) {
	add := []string{}
	for range fields {
		add = append(add, "x", strings.Repeat("~", each)) // Huffman would not shorten it
	}
	block := p.encode(get(add...)...)
	for first := true; first || len(block) > 0; first = false {
		n := min(len(block), maxFrameSize)
		if first {
			p.must(p.write.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: block[:n], EndStream: true}))
		} else {
			p.must(p.write.WriteContinuation(id, n == len(block), block[:n]))
		}
		block = block[n:]
	}
}

// TestHeadsOverTheLimitLeaveLittle: a client that has not acknowledged that we want no table may send
// long heads, of which its connection must not keep much, neither afterwards nor when it stops within.
func TestHeadsOverTheLimitLeaveLittle(t *testing.T) {
	for _, each := range []int{testLimits.HeaderBytes, maxFrameSize, 8 * maxFrameSize} {
		const conns = 50
		shared := NewShared(testLimits)
		var peers []*peer
		for range conns {
			p := begun(t, shared)
			p.encoder = hpack.NewEncoder(&p.block)
			peers = append(peers, p)
		}
		before := liveHeap()
		for _, p := range peers {
			p.tooLong(1, 8*maxFrameSize/each, each)
			p.toServer.Truncate(p.toServer.Len() - 1)
			p.flush()
			*p = peer{conn: p.conn} // what the client keeps is not of interest
		}
		if kept := (liveHeap() - before) / conns; kept > 48<<10 {
			t.Errorf("after strings of %d bytes, a connection keeps %d", each, kept)
		}
		runtime.KeepAlive(peers)
	}
}

func liveHeap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestALongStringIsNotCollected: it ends the connection if a table has to be kept right.
func TestALongStringIsNotCollected(t *testing.T) {
	t.Parallel()
	p := begun(t, NewShared(testLimits))
	p.tooLong(1, 1, 2*maxFrameSize)
	p.flush()
	p.wantFailed(CompressionError)

	p = connected(t) // has no table
	p.tooLong(1, 1, 2*maxFrameSize)
	p.flush()
	p.wantHead(1, "431", true)
}
