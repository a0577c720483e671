package http2

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

func TestSettingsComeFirst(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	f := p.wantSettings()
	for id, value := range map[xhttp2.SettingID]uint32{ //nolint:exhaustive // those that we send
		xhttp2.SettingMaxConcurrentStreams: 100,
		xhttp2.SettingMaxHeaderListSize:    8 << 10,
		xhttp2.SettingHeaderTableSize:      0,
		settingNoRFC7540Priorities:         1,
	} {
		if got, ok := f.Value(id); !ok || got != value {
			t.Errorf("%v is %d, %v; want %d", id, got, ok, value)
		}
	}
}

func TestAStreamIsServedAndEnds(t *testing.T) {
	t.Parallel()
	p := connected(t)
	a := p.open(1)
	if h := a.head; h.Method != "GET" || h.Authority != "push.example" || h.Path != "/sse?subscribe=a" || h.Scheme != "https" || h.ContentLength != -1 {
		t.Fatalf("the request is %+v", h)
	}
	a.send("data: one\n\n")
	p.wantData(1, "data: one\n\n", false)
	p.wantNothing()
	a.send("retry: 1\n\n")
	p.conn.End(&a.Stream)
	p.wantData(1, "retry: 1\n\n", true)
	if a.IsOpen() || len(p.conn.Streams()) != 0 || a.gone != nil || !a.done {
		t.Fatal("the stream has not ended properly")
	}
	p.open(3)
}

func TestAnEndWithoutDataIsAnEmptyFrame(t *testing.T) {
	t.Parallel()
	p := connected(t)
	a := p.open(1)
	p.conn.End(&a.Stream)
	p.wantData(1, "", true)
	p.wantNothing()
}

func TestOneRecordCarriesManyStreams(t *testing.T) {
	t.Parallel()
	p := connected(t)
	for i := range uint32(10) {
		p.open(2*i + 1)
	}
	for i, a := range p.apps {
		a.send(fmt.Sprintf("data: %d\n\n", i))
	}
	record := p.conn.AppendFrames(nil, 16<<10)
	if rest := p.conn.AppendFrames(nil, 16<<10); len(rest) > 0 {
		t.Fatalf("%d bytes are left for a second record", len(rest))
	}
	p.fromServer.Write(record)
	for i := range uint32(10) {
		p.wantData(2*i+1, fmt.Sprintf("data: %d\n\n", i), false)
	}
}

func TestAReplayDoesNotHoldUpItsNeighbours(t *testing.T) {
	t.Parallel()
	p := connected(t)
	long, short := p.open(1), p.open(3)
	long.send(longText(20 << 10))
	short.send("data: short\n\n")
	p.wantData(1, longText(visitBytes), false)
	p.wantData(3, "data: short\n\n", false)
	p.wantData(1, longText(visitBytes), false)
}

func TestTheSameAtEveryCut(t *testing.T) {
	t.Parallel()
	transcript := func(size int) string {
		p := newPeer(t)
		p.wants = true
		p.toServer.WriteString(Preface)
		p.must(p.write.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 20}))
		p.must(p.write.WriteSettingsAck())
		p.encoder.SetMaxDynamicTableSize(0)
		p.headers(1, true, get("cookie", "a=1", "cookie", "b=2")...)
		block := p.encode(get()...)
		p.must(p.write.WriteHeaders(xhttp2.HeadersFrameParam{
			StreamID: 3, BlockFragment: block[:10], EndStream: true, PadLength: 7,
			Priority: xhttp2.PriorityParam{StreamDep: 1, Weight: 3},
		}))
		p.must(p.write.WriteContinuation(3, false, block[10:12]))
		p.must(p.write.WriteContinuation(3, true, block[12:]))
		p.headers(5, false, get("content-length", "4")...)
		p.must(p.write.WriteDataPadded(5, false, []byte("ab"), []byte{0, 0, 0}))
		p.must(p.write.WriteRawFrame(0xbe, 0xff, 5, []byte("unknown")))
		p.must(p.write.WriteData(5, true, []byte("cd")))
		p.must(p.write.WritePing(false, [8]byte{1, 2, 3}))
		p.must(p.write.WriteWindowUpdate(1, 5))
		p.must(p.write.WriteRSTStream(3, xhttp2.ErrCodeCancel))
		p.must(p.write.WriteGoAway(0, xhttp2.ErrCodeNo, []byte("bye")))
		p.must(p.write.WriteData(5, false, []byte("too late")))
		p.flush(size)
		for _, a := range p.apps {
			if a.IsOpen() {
				a.send(longText(30))
			}
		}
		p.pull(16 << 10)
		out := fmt.Sprintf("%v %q", p.err, p.fromServer.Bytes())
		for _, a := range p.apps {
			out += fmt.Sprintf("\n%d %+v %q %v %v", a.ID(), a.head, a.body, a.bodyEnd, a.gone != nil)
		}
		return out
	}
	want := transcript(1 << 20)
	for size := 1; size < 60; size++ {
		if got := transcript(size); got != want {
			t.Fatalf("in pieces of %d bytes:\n%s\nat once:\n%s", size, got, want)
		}
	}
}

// A peer that has announced a smaller table than the default waits for this.
func TestTheFirstHeadSaysThatOurEncoderHasNoTable(t *testing.T) {
	t.Parallel()
	shared := NewShared(testLimits)
	for range 2 { // connections
		p := newPeer(t)
		p.conn.Start(p.now, shared, p)
		p.toServer.WriteString(Preface)
		p.must(p.write.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingHeaderTableSize, Val: 0}))
		p.headers(1, true, get()...)
		p.headers(3, true, get()...)
		p.flush()
		p.wantSettings()
		var isSaid []bool
		for f := p.next(); f != nil; f = p.next() {
			if h, ok := f.(*xhttp2.HeadersFrame); ok {
				isSaid = append(isSaid, h.HeaderBlockFragment()[0] == 0x20)
			}
		}
		if !slices.Equal(isSaid, []bool{true, false}) {
			t.Errorf("said in the heads: %v, want in the first alone", isSaid)
		}
	}
}

func TestPingIsAnswered(t *testing.T) {
	t.Parallel()
	p := connected(t)
	p.must(p.write.WritePing(false, [8]byte{1, 2, 3, 4, 5, 6, 7, 8}))
	p.must(p.write.WritePing(true, [8]byte{}))
	p.flush()
	if f := want[*xhttp2.PingFrame](p); !f.IsAck() || f.Data != [8]byte{1, 2, 3, 4, 5, 6, 7, 8} {
		t.Fatalf("got %v", f)
	}
	p.wantNothing()
}

func TestTheBoundOnStreams(t *testing.T) {
	t.Parallel()
	p := newPeerWith(t, Limits{HeaderBytes: 8 << 10, Streams: 2})
	p.toServer.WriteString(Preface)
	p.must(p.write.WriteSettings())
	p.flush()
	p.wantSettings()
	p.wantSettingsAck()
	p.open(1)
	p.open(3)
	p.headers(5, true, get()...)
	p.flush()
	p.wantReset(5, RefusedStream)
	p.must(p.write.WriteRSTStream(1, xhttp2.ErrCodeCancel))
	p.flush()
	if a := p.apps[0]; a.gone == nil || *a.gone != Cancel || !a.byPeer {
		t.Fatal("the first stream is still there")
	}
	p.open(7)
}

func TestGoAwayLetsStreamsStay(t *testing.T) {
	t.Parallel()
	p := connected(t)
	a := p.open(1)
	p.conn.GoAway(NoError)
	p.conn.GoAway(NoError)
	p.wantGoAway(NoError, 1)
	p.headers(3, true, get()...)
	p.flush()
	p.wantReset(3, RefusedStream)
	a.send("data: x\n\n")
	p.wantData(1, "data: x\n\n", false)
	p.must(p.write.WriteWindowUpdate(0, 0))
	p.flush()
	p.wantGoAway(ProtocolError, 1) // not 3
}

func TestHeadsOverTheLimit(t *testing.T) {
	t.Parallel()
	for _, acked := range []bool{true, false} {
		p := newPeer(t)
		p.toServer.WriteString(Preface)
		p.must(p.write.WriteSettings())
		if acked {
			p.encoder.SetMaxDynamicTableSize(0)
			p.must(p.write.WriteSettingsAck())
		}
		p.flush()
		p.wantSettings()
		p.wantSettingsAck()

		many := get()
		for i := range 300 {
			many = append(many, fmt.Sprintf("x-%d", i), "value")
		}
		for i, fields := range [][]string{many, get("x-long", longText(9<<10)), get("x-long", longText(16<<10), "x-longer", longText(16<<10))} {
			id := uint32(4*i + 1)
			block := p.encode(fields...)
			p.must(p.write.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: block[:min(len(block), 16384)], EndStream: true, EndHeaders: len(block) <= 16384}))
			for rest := block[min(len(block), 16384):]; len(rest) > 0; {
				n := min(len(rest), 16384)
				p.must(p.write.WriteContinuation(id, n == len(rest), rest[:n]))
				rest = rest[n:]
			}
			p.flush()
			p.wantHead(id, "431", true)
			p.open(id + 2) // the connection and its table live
		}
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	p := connected(t)
	p.wants = true
	p.headers(1, false, get("content-length", "200000")...)
	p.flush()
	p.wantHead(1, "200", false)
	const piece = 10_000
	for sent := 0; sent < 200_000; sent += piece {
		p.must(p.write.WriteDataPadded(1, sent+piece == 200_000, make([]byte, piece), make([]byte, 100)))
		p.flush()
	}
	if a := p.apps[0]; len(a.body) != 200_000 || !a.bodyEnd {
		t.Fatalf("%d bytes came, end %v", len(a.body), a.bodyEnd)
	}
	var updates [2]int
	for f := p.next(); f != nil; f = p.next() {
		u, ok := f.(*xhttp2.WindowUpdateFrame)
		if !ok {
			t.Fatalf("got %v", f)
		}
		updates[u.StreamID] += int(u.Increment)
	}
	if updates[0] < 130_000 || updates[1] < 130_000 {
		t.Fatalf("windows were opened by %v", updates)
	}
}

func TestABodyThatIsNotWantedIsThrownAway(t *testing.T) {
	t.Parallel()
	p := connected(t)
	p.answer = func(a *app, _ *Head, _ bool) { p.conn.Respond(&a.Stream, 405, nil, true) }
	p.headers(1, false, get()...)
	p.flush()
	p.wantHead(1, "405", true)
	for range 6 { // within the stream's window, which stays as it is
		p.must(p.write.WriteData(1, false, make([]byte, 10_000)))
		p.flush()
	}
	if !p.apps[0].IsOpen() || !p.apps[0].done {
		t.Fatal("the stream does not wait for the end of the request")
	}
	p.headers(1, true, "x-trailer", "1")
	p.flush()
	if p.apps[0].IsOpen() {
		t.Fatal("the stream outlives its request")
	}
	for f := p.next(); f != nil; f = p.next() {
		if u, ok := f.(*xhttp2.WindowUpdateFrame); !ok || u.StreamID != 0 {
			t.Fatalf("got %v, want the connection's window to open", f)
		}
	}
	p.answer = stream
	p.open(3)
}

func TestRefusedRequestsAreTold(t *testing.T) {
	t.Parallel()
	p := newPeerWith(t, Limits{HeaderBytes: 8 << 10, Streams: 1})
	p.toServer.WriteString(Preface)
	p.must(p.write.WriteSettings())
	p.headers(1, true, get("connection", "close")...)
	p.headers(3, true, get()...)
	p.headers(5, true, get()...)
	p.flush()
	if want := []ErrCode{ProtocolError, RefusedStream}; !slices.Equal(p.refused, want) {
		t.Fatalf("refused %v, want %v", p.refused, want)
	}
}

func TestTrailersAreIgnored(t *testing.T) {
	t.Parallel()
	p := connected(t)
	p.wants = true
	p.headers(1, false, get()...)
	p.must(p.write.WriteData(1, false, []byte("abc")))
	p.headers(1, true, "x-checksum", "1")
	p.flush()
	p.wantHead(1, "200", false)
	if a := p.apps[0]; string(a.body) != "abc" || !a.bodyEnd {
		t.Fatalf("body %q, end %v", a.body, a.bodyEnd)
	}
	p.wantNothing()
}

func TestWhatComesAfterAResetIsIgnored(t *testing.T) {
	t.Parallel()
	p := connected(t)
	p.headers(1, false, get()...)
	p.flush()
	p.wantHead(1, "200", false)
	p.conn.Reset(&p.apps[0].Stream, Cancel)
	p.wantReset(1, Cancel)
	p.must(p.write.WriteData(1, false, []byte("on its way")))
	p.headers(1, true, "x-trailer", "1")
	p.flush()
	p.wantNothing()
	p.must(p.write.WriteRSTStream(1, xhttp2.ErrCodeCancel))
	p.must(p.write.WriteData(1, false, []byte("a mistake")))
	p.flush()
	p.wantReset(1, StreamClosed)
}

func TestAResetWithinAFrameGivesItsWindowBack(t *testing.T) {
	t.Parallel()
	p := connected(t)
	p.wants = true
	for i, cut := range []int{0, frameHeaderLen, frameHeaderLen + 1, 5000} {
		id := uint32(2*i + 1)
		p.headers(id, false, get()...)
		p.flush()
		a := p.apps[len(p.apps)-1]
		p.must(p.write.WriteDataPadded(id, false, make([]byte, 10_000), make([]byte, 100)))
		frame := bytes.Clone(p.toServer.Bytes())
		p.must(receiveWhole(&p.conn, p.now, frame[:cut]))
		p.conn.Reset(&a.Stream, Cancel)
		p.must(receiveWhole(&p.conn, p.now, frame[cut:]))
		p.toServer.Reset()
		if c := &p.conn; c.recv.window.left+c.recv.window.unread != initialWindow {
			t.Errorf("reset after %d bytes: the peer lacks %d", cut, initialWindow-c.recv.window.left-c.recv.window.unread)
		}
	}
}

func TestARefusedFrameGivesItsWindowBack(t *testing.T) {
	t.Parallel()
	p := connected(t)
	p.wants = true
	p.headers(1, false, get("content-length", "4")...)
	p.must(p.write.WriteDataPadded(1, false, make([]byte, 100), make([]byte, 10)))
	p.must(p.write.WriteData(1, false, make([]byte, 100))) // on its way when the stream was reset
	p.headers(3, true, get()...)
	p.must(p.write.WriteData(3, false, make([]byte, 100))) // after the end of its request
	p.flush(50)
	if c := &p.conn; len(c.Streams()) > 0 || c.recv.window.left+c.recv.window.unread != initialWindow {
		t.Errorf("%d streams are open, and the peer lacks %d bytes", len(c.Streams()), initialWindow-c.recv.window.left-c.recv.window.unread)
	}
}

func TestAMistakeInARequestThatIsAnswered(t *testing.T) {
	t.Parallel()
	p := connected(t)
	p.answer = func(a *app, _ *Head, _ bool) { p.conn.Respond(&a.Stream, 405, nil, true) }
	p.headers(1, false, get("content-length", "4")...)
	p.flush()
	p.wantHead(1, "405", true)
	p.must(p.write.WriteData(1, true, []byte("abc")))
	p.flush()
	p.wantReset(1, ProtocolError)
	if p.apps[0].gone != nil {
		t.Fatal("a stream that was done is gone")
	}
}

func TestMuchAtOnceIsDoneInShares(t *testing.T) {
	p := connected(t)
	const streams = 60
	for i := range uint32(streams) {
		p.headers(2*i+1, true, get()...)
	}
	in := bytes.Clone(p.toServer.Bytes())
	p.toServer.Reset()
	calls, opened := 0, 0
	for rest := in; len(rest) > 0; calls++ {
		var err error
		if rest, err = p.conn.Receive(p.now, rest); err != nil {
			t.Fatal(err)
		}
		if now := len(p.conn.Streams()); now-opened > 8 {
			t.Errorf("call %d opened %d streams", calls, now-opened)
		} else {
			opened = now
		}
	}
	if opened != streams || calls < 8 {
		t.Errorf("%d streams in %d calls", opened, calls)
	}
}
