package http2

import (
	"fmt"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// begun is a client on a connection that shares with others, whose settings have gone both ways,
// and are not acknowledged.
func begun(t *testing.T, shared *Shared) *peer {
	t.Helper()
	p := newPeer(t)
	p.conn.Start(p.now, shared, p)
	p.toServer.WriteString(Preface)
	p.must(p.write.WriteSettings())
	p.flush()
	p.wantSettings()
	p.wantSettingsAck()
	return p
}

// TestWhatIsSharedIsNotMixed: two connections receive in turn, whatever the pieces. What one has of
// a frame, and of a head in two frames, does not get into the other's.
func TestWhatIsSharedIsNotMixed(t *testing.T) {
	t.Parallel()
	shared := NewShared(testLimits)
	for size := 1; size < 40; size++ {
		peers := []*peer{begun(t, shared), begun(t, shared)}
		for i, p := range peers {
			p.wants = true
			head := p.encode(get("x", fmt.Sprint("of ", i))...)
			p.must(p.write.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: head[:7]}))
			p.must(p.write.WriteContinuation(1, true, head[7:]))
			p.must(p.write.WriteData(1, true, []byte(fmt.Sprint("body of ", i))))
		}
		for peers[0].toServer.Len() > 0 {
			for _, p := range peers {
				if err := receiveWhole(&p.conn, p.now, p.toServer.Next(size)); err != nil {
					t.Fatal(err)
				}
				p.check()
			}
		}
		for i, p := range peers {
			if p.conn.IsMidFrame() || p.conn.recv.input != nil {
				t.Fatal("a connection keeps something of a frame that has come whole")
			}
			if len(p.apps) != 1 || p.apps[0].head.Fields[0].Value != fmt.Sprint("of ", i) || string(p.apps[0].body) != fmt.Sprint("body of ", i) {
				t.Fatalf("in pieces of %d: connection %d has %+v", size, i, p.apps)
			}
		}
	}
}

// TestADecoderIsHandedOnEmpty: the table that a connection had until its client has acknowledged our
// settings serves the next one, in which nothing of the first client's requests is left.
func TestADecoderIsHandedOnEmpty(t *testing.T) {
	t.Parallel()
	shared := NewShared(testLimits)
	first := begun(t, shared)
	first.headers(1, true, get("x-secret", "one")...) // gets into the table
	first.headers(3, true, get("x-secret", "one")...) // comes from it
	first.flush()
	if len(first.apps) != 2 || first.apps[1].head.Fields[0].Value != "one" {
		t.Fatalf("%d requests", len(first.apps))
	}
	first.must(first.write.WriteSettingsAck())
	first.flush()
	if len(shared.decoders) != 1 {
		t.Fatalf("%d decoders wait for a connection, want 1", len(shared.decoders))
	}
	second := begun(t, shared)
	second.headers(1, true, get("x", "two")...)
	second.flush()
	if len(shared.decoders) != 0 || len(second.apps) != 1 || second.apps[0].head.Fields[0].Value != "two" {
		t.Fatalf("%d decoders wait, %d requests", len(shared.decoders), len(second.apps))
	}
	second.must(second.write.WriteSettingsAck())
	second.flush()
	third := begun(t, shared)
	const newest = 62 // the first index behind the static table
	third.must(third.write.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x80 | newest}, EndHeaders: true, EndStream: true}))
	third.flush()
	third.wantFailed(CompressionError)
	if len(shared.decoders) != 0 {
		t.Error("a decoder that has failed is handed on")
	}
}

// TestFewDecodersWait: many connections may begin at one time.
func TestFewDecodersWait(t *testing.T) {
	t.Parallel()
	shared := NewShared(testLimits)
	var peers []*peer
	for range mostDecoders + 5 {
		p := begun(t, shared)
		p.encoder = hpack.NewEncoder(&p.block)
		p.headers(1, true, get()...)
		p.flush()
		peers = append(peers, p)
	}
	for _, p := range peers {
		p.must(p.write.WriteSettingsAck())
		p.flush()
	}
	if n := len(shared.decoders); n != mostDecoders {
		t.Errorf("%d decoders wait, want %d", n, mostDecoders)
	}
}
