package http2

import (
	"bytes"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"
)

// TestFaults holds what RFC 9113 wants for each mistake of a client.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		do    func(p *peer)
		conn  ErrCode // of the connection; NoError: it lives
		reset ErrCode // of stream 1
	}{
		{"5.1 DATA on an idle stream", func(p *peer) { p.must(p.write.WriteData(1, true, nil)) }, ProtocolError, 0},
		{"5.1 RST_STREAM on an idle stream", func(p *peer) { p.must(p.write.WriteRSTStream(1, 8)) }, ProtocolError, 0},
		{"5.1 WINDOW_UPDATE on an idle stream", func(p *peer) { p.must(p.write.WriteWindowUpdate(1, 1)) }, ProtocolError, 0},
		{"5.1 DATA on a stream of the server", func(p *peer) {
			p.headers(5, true, get()...)
			p.must(p.write.WriteData(2, true, nil))
		}, ProtocolError, 0},
		{"5.1 RST_STREAM on a stream of the server", func(p *peer) {
			p.headers(5, true, get()...)
			p.must(p.write.WriteRSTStream(2, 8))
		}, ProtocolError, 0},
		{"5.1 WINDOW_UPDATE on a stream of the server", func(p *peer) {
			p.headers(5, true, get()...)
			p.must(p.write.WriteWindowUpdate(2, 1))
		}, ProtocolError, 0},
		{"5.1 PRIORITY of a wrong length on a stream of the server", func(p *peer) {
			p.headers(5, true, get()...)
			p.must(p.write.WriteRawFrame(2, 0, 2, make([]byte, 4)))
		}, FrameSizeError, 0},
		{"5.1 CONTINUATION on an idle stream", func(p *peer) { p.must(p.write.WriteContinuation(1, true, nil)) }, ProtocolError, 0},
		{"5.1 DATA on a half-closed stream", func(p *peer) {
			p.headers(1, true, get()...)
			p.must(p.write.WriteData(1, true, []byte("x")))
		}, 0, StreamClosed},
		{"5.1 HEADERS on a half-closed stream", func(p *peer) {
			p.headers(1, true, get()...)
			p.headers(1, true, get()...)
		}, 0, StreamClosed},
		{"5.1.1 an even number", func(p *peer) { p.headers(2, true, get()...) }, ProtocolError, 0},
		{"5.1.1 a number that went by", func(p *peer) {
			p.headers(5, true, get()...)
			p.headers(3, true, get()...)
		}, ProtocolError, 0},
		{"5.1.1 the number of a stream that was reset", func(p *peer) {
			p.headers(1, true, get()...)
			p.must(p.write.WriteRSTStream(1, xhttp2.ErrCodeCancel))
			p.headers(1, true, get()...)
		}, ProtocolError, 0},
		{"4.2 a frame that is too long", func(p *peer) { p.must(p.write.WriteRawFrame(0x42, 0, 1, make([]byte, 16385))) }, FrameSizeError, 0},
		{"4.3 a block that is no HPACK", func(p *peer) {
			p.must(p.write.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0xff, 0xff, 0xff, 0xff, 0xff}, EndHeaders: true}))
		}, CompressionError, 0},
		{"4.3 a reference to an empty table", func(p *peer) {
			p.must(p.write.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x80 | 62}, EndHeaders: true}))
		}, CompressionError, 0},
		{"6.1 DATA on stream 0", func(p *peer) { p.must(p.write.WriteRawFrame(0, 0, 0, nil)) }, ProtocolError, 0},
		{"6.1 padding longer than the payload", func(p *peer) {
			p.headers(1, false, get()...)
			p.must(p.write.WriteRawFrame(0, flagPadded, 1, []byte{9, 0, 0}))
		}, ProtocolError, 0},
		{"6.1 padded and empty", func(p *peer) {
			p.headers(1, false, get()...)
			p.must(p.write.WriteRawFrame(0, flagPadded, 1, nil))
		}, FrameSizeError, 0},
		{"6.2 another frame within a head", func(p *peer) {
			p.must(p.write.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: p.encode(get()...)}))
			p.must(p.write.WritePing(false, [8]byte{}))
		}, ProtocolError, 0},
		{"6.2 CONTINUATION of another stream", func(p *peer) {
			p.must(p.write.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: p.encode(get()...)}))
			p.must(p.write.WriteContinuation(3, true, nil))
		}, ProtocolError, 0},
		{"6.2 HEADERS on stream 0", func(p *peer) { p.must(p.write.WriteRawFrame(1, flagEndHeaders, 0, nil)) }, ProtocolError, 0},
		{"6.3 PRIORITY of a wrong length", func(p *peer) {
			p.headers(1, true, get()...)
			p.must(p.write.WriteRawFrame(2, 0, 1, make([]byte, 4)))
		}, 0, FrameSizeError},
		{"6.3 PRIORITY on stream 0", func(p *peer) { p.must(p.write.WriteRawFrame(2, 0, 0, make([]byte, 5))) }, ProtocolError, 0},
		{"5.3.1 a stream that depends on itself", func(p *peer) {
			p.headers(1, true, get()...)
			p.must(p.write.WritePriority(1, xhttp2.PriorityParam{StreamDep: 1}))
		}, 0, ProtocolError},
		{"5.3.1 HEADERS that depend on themselves", func(p *peer) {
			p.must(p.write.WriteHeaders(xhttp2.HeadersFrameParam{
				StreamID: 1, BlockFragment: p.encode(get()...), EndHeaders: true, EndStream: true, Priority: xhttp2.PriorityParam{StreamDep: 1, Weight: 1},
			}))
		}, 0, ProtocolError},
		{"6.4 RST_STREAM of a wrong length", func(p *peer) { p.must(p.write.WriteRawFrame(3, 0, 1, make([]byte, 3))) }, FrameSizeError, 0},
		{"6.4 RST_STREAM on stream 0", func(p *peer) { p.must(p.write.WriteRawFrame(3, 0, 0, make([]byte, 4))) }, ProtocolError, 0},
		{"6.5 an acknowledgment with a payload", func(p *peer) { p.must(p.write.WriteRawFrame(4, flagAck, 0, make([]byte, 6))) }, FrameSizeError, 0},
		{"6.5 SETTINGS on a stream", func(p *peer) { p.must(p.write.WriteRawFrame(4, 0, 1, nil)) }, ProtocolError, 0},
		{"6.5 SETTINGS of a wrong length", func(p *peer) { p.must(p.write.WriteRawFrame(4, 0, 0, make([]byte, 5))) }, FrameSizeError, 0},
		{"6.5.2 ENABLE_PUSH of 2", setting(xhttp2.SettingEnablePush, 2), ProtocolError, 0},
		{"6.5.2 a window that is too large", setting(xhttp2.SettingInitialWindowSize, 1<<31), FlowControlError, 0},
		{"6.5.2 a frame size that is too small", setting(xhttp2.SettingMaxFrameSize, 16383), ProtocolError, 0},
		{"6.5.2 a frame size that is too large", setting(xhttp2.SettingMaxFrameSize, 1<<24), ProtocolError, 0},
		{"6.5.2 a setting that nobody knows", setting(0xbeef, 7), NoError, 0},
		{"6.6 PUSH_PROMISE", func(p *peer) { p.must(p.write.WriteRawFrame(5, flagEndHeaders, 1, make([]byte, 4))) }, ProtocolError, 0},
		{"6.7 PING of a wrong length", func(p *peer) { p.must(p.write.WriteRawFrame(6, 0, 0, make([]byte, 7))) }, FrameSizeError, 0},
		{"6.7 PING on a stream", func(p *peer) { p.must(p.write.WriteRawFrame(6, 0, 1, make([]byte, 8))) }, ProtocolError, 0},
		{"6.8 GOAWAY on a stream", func(p *peer) { p.must(p.write.WriteRawFrame(7, 0, 1, make([]byte, 8))) }, ProtocolError, 0},
		{"6.8 GOAWAY that is too short", func(p *peer) { p.must(p.write.WriteRawFrame(7, 0, 0, make([]byte, 7))) }, FrameSizeError, 0},
		{"6.9 WINDOW_UPDATE of 0", func(p *peer) { p.must(p.write.WriteWindowUpdate(0, 0)) }, ProtocolError, 0},
		{"6.9 WINDOW_UPDATE of 0 on a stream", func(p *peer) {
			p.headers(1, true, get()...)
			p.must(p.write.WriteWindowUpdate(1, 0))
		}, 0, ProtocolError},
		{"6.9 WINDOW_UPDATE of a wrong length", func(p *peer) { p.must(p.write.WriteRawFrame(8, 0, 0, make([]byte, 3))) }, FrameSizeError, 0},
		{"6.9.1 the connection's window overflows", func(p *peer) {
			p.must(p.write.WriteWindowUpdate(0, 1<<31-1))
		}, FlowControlError, 0},
		{"6.9.1 a stream's window overflows", func(p *peer) {
			p.headers(1, true, get()...)
			p.must(p.write.WriteWindowUpdate(1, 1<<31-1))
		}, 0, FlowControlError},
		{"6.9.2 settings overflow a window", func(p *peer) {
			p.headers(1, true, get()...)
			p.must(p.write.WriteWindowUpdate(1, 1<<31-1-65535))
			p.must(p.write.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 65536}))
		}, FlowControlError, 0},
		{"6.10 CONTINUATION without a head", func(p *peer) {
			p.headers(1, true, get()...)
			p.must(p.write.WriteContinuation(1, true, nil))
		}, ProtocolError, 0},
		{"5.5 an unknown frame", func(p *peer) { p.must(p.write.WriteRawFrame(0x16, 0xff, 99, make([]byte, 16384))) }, NoError, 0},
		{"8.1.1 content-length without a body", func(p *peer) { p.headers(1, true, get("content-length", "1")...) }, 0, ProtocolError},
		{"8.1.1 less than content-length", func(p *peer) {
			p.headers(1, false, get("content-length", "4")...)
			p.must(p.write.WriteData(1, true, []byte("abc")))
		}, 0, ProtocolError},
		{"8.1.1 more than content-length", func(p *peer) {
			p.headers(1, false, get("content-length", "2")...)
			p.must(p.write.WriteData(1, false, []byte("abc")))
		}, 0, ProtocolError},
		{"8.1 trailers that do not end", func(p *peer) {
			p.headers(1, false, get()...)
			p.headers(1, false, "x-trailer", "1")
		}, ProtocolError, 0},
		{"8.1 a pseudo-field in trailers", func(p *peer) {
			p.headers(1, false, get()...)
			p.headers(1, true, ":method", "GET")
		}, 0, ProtocolError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := connected(t)
			p.wants = true
			tt.do(p)
			p.flush()
			switch {
			case tt.conn != NoError:
				p.wantFailed(tt.conn)
			case tt.reset != NoError:
				for {
					f := p.next()
					if r, ok := f.(*xhttp2.RSTStreamFrame); ok {
						if r.StreamID != 1 || ErrCode(r.ErrCode) != tt.reset {
							t.Fatalf("got %v, want %v", r, tt.reset)
						}
						break
					} else if f == nil {
						t.Fatal("the stream was not reset")
					}
				}
				p.open(99)
			case p.err != nil:
				t.Fatalf("the connection failed: %v", p.err)
			default:
				p.must(p.write.WritePing(false, [8]byte{}))
				p.flush()
				for {
					if f := p.next(); f == nil {
						t.Fatal("the connection does not live")
					} else if _, ok := f.(*xhttp2.PingFrame); ok {
						break
					}
				}
			}
		})
	}
}

func setting(id xhttp2.SettingID, value uint32) func(*peer) {
	return func(p *peer) { p.must(p.write.WriteSettings(xhttp2.Setting{ID: id, Val: value})) }
}

func TestTheFirstBytes(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]string{
		"HTTP/1":              "GET / HTTP/1.1\r\n\r\n",
		"no SETTINGS":         Preface + "\x00\x00\x08\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"an acknowledgment":   Preface + "\x00\x00\x00\x04\x01\x00\x00\x00\x00",
		"a preface that errs": Preface[:20] + "X",
	} {
		p := newPeer(t)
		p.toServer.WriteString(first)
		p.flush(7)
		if p.err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		p.wantFailed(ProtocolError)
	}
}

// TestHeads holds which requests are malformed (RFC 9113, section 8).
func TestHeads(t *testing.T) {
	t.Parallel()
	const (
		served    = ""
		malformed = "malformed"
		differs   = "differs"
	)
	for _, tt := range []struct {
		name   string
		fields []string
		want   string
	}{
		{"ordinary", get("accept", "text/event-stream"), served},
		{"Host instead of :authority", []string{":method", "GET", ":scheme", "https", ":path", "/", "host", "a.example"}, served},
		{"Host beside the same :authority", get("host", "PUSH.example"), served},
		{"Host beside another :authority", get("host", "evil.example"), differs},
		{"two Hosts", get("host", "push.example", "host", "b"), malformed},
		{"no authority", []string{":method", "GET", ":scheme", "https", ":path", "/"}, malformed},
		{"user information", []string{":method", "GET", ":scheme", "https", ":path", "/", ":authority", "u@a.example"}, malformed},
		{"upper case", get("Accept", "x"), malformed},
		{"no token", get("a b", "x"), malformed},
		{"an empty name", get("", "x"), malformed},
		{"a line break in a value", get("x", "a\r\nb"), malformed},
		{"NUL in a value", get("x", "a\x00"), malformed},
		{"a blank before a value", get("x", " a"), malformed},
		{"a pseudo-field behind a field", append([]string{"x", "y"}, get()...), malformed},
		{"an unknown pseudo-field", get(":protocol", "websocket"), malformed},
		{"a response's pseudo-field", get(":status", "200"), malformed},
		{"two paths", get(":path", "/b"), malformed},
		{"no method", []string{":scheme", "https", ":path", "/", ":authority", "a"}, malformed},
		{"no scheme", []string{":method", "GET", ":path", "/", ":authority", "a"}, malformed},
		{"no path", []string{":method", "GET", ":scheme", "https", ":authority", "a"}, malformed},
		{"an empty path", []string{":method", "GET", ":scheme", "https", ":authority", "a", ":path", ""}, malformed},
		{"a path without a slash", []string{":method", "GET", ":scheme", "https", ":authority", "a", ":path", "sse"}, malformed},
		{"a path with a blank", []string{":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/ HTTP/1.1"}, malformed},
		{"OPTIONS *", []string{":method", "OPTIONS", ":scheme", "https", ":authority", "a", ":path", "*"}, served},
		{"CONNECT", []string{":method", "CONNECT", ":authority", "a"}, malformed},
		{"connection", get("connection", "keep-alive"), malformed},
		{"transfer-encoding", get("transfer-encoding", "chunked"), malformed},
		{"upgrade", get("upgrade", "h2c"), malformed},
		{"te", get("te", "gzip"), malformed},
		{"te: trailers", get("te", "trailers"), served},
		{"content-length that is no number", get("content-length", "+1"), malformed},
		{"two lengths", get("content-length", "0", "content-length", "1"), malformed},
	} {
		p := connected(t)
		p.headers(1, true, tt.fields...)
		p.flush()
		switch {
		case tt.want == malformed:
			if p.next(); len(p.apps) > 0 {
				t.Errorf("%s: served", tt.name)
			}
		case len(p.apps) != 1:
			t.Errorf("%s: refused", tt.name)
		case p.apps[0].head.HostDiffers != (tt.want == differs):
			t.Errorf("%s: HostDiffers is %v", tt.name, p.apps[0].head.HostDiffers)
		}
	}
}

func TestCookiesAreJoined(t *testing.T) {
	t.Parallel()
	p := connected(t)
	p.headers(1, true, get("cookie", "a=1", "accept", "x", "cookie", "b=2")...)
	p.flush()
	fields := p.apps[0].head.Fields
	if len(fields) != 2 || fields[1] != (Field{"cookie", "a=1; b=2"}) {
		t.Fatalf("the fields are %v", fields)
	}
}

// TestFloods holds that each flood ends with ENHANCE_YOUR_CALM, and after how many frames at most.
func TestFloods(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		step func(p *peer, n uint32)
		most int
	}{
		{"rapid reset", func(p *peer, n uint32) {
			p.headers(2*n+1, true, get()...)
			p.must(p.write.WriteRSTStream(2*n+1, xhttp2.ErrCodeCancel))
		}, 300},
		{"made-you-reset", func(p *peer, n uint32) {
			p.headers(2*n+1, true, get()...)
			p.must(p.write.WriteWindowUpdate(2*n+1, 0))
		}, 200},
		{"requests over the bound", func(p *peer, n uint32) { p.headers(2*n+1, true, get()...) }, 400},
		{"CONTINUATION", func(p *peer, n uint32) {
			if n == 0 {
				p.must(p.write.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: nil}))
			}
			p.must(p.write.WriteContinuation(1, false, []byte{}))
		}, mostContinuations + 1},
		{"SETTINGS", func(p *peer, _ uint32) { p.must(p.write.WriteSettings()) }, 500},
		{"SETTINGS with many entries", func(p *peer, _ uint32) {
			p.must(p.write.WriteRawFrame(4, 0, 0, make([]byte, 16380)))
		}, 1},
		{"PING", func(p *peer, _ uint32) { p.must(p.write.WritePing(false, [8]byte{})) }, 1000},
		{"PRIORITY", func(p *peer, n uint32) {
			p.must(p.write.WritePriority(2*n+1, xhttp2.PriorityParam{StreamDep: 2*n + 3}))
		}, 1000},
		{"WINDOW_UPDATE", func(p *peer, _ uint32) { p.must(p.write.WriteWindowUpdate(0, 1)) }, 1000},
		{"empty DATA", func(p *peer, n uint32) {
			if n == 0 {
				p.headers(1, false, get()...)
			}
			p.must(p.write.WriteData(1, false, nil))
		}, 1000},
		{"unknown frames", func(p *peer, _ uint32) { p.must(p.write.WriteRawFrame(0x20, 0, 0, nil)) }, 1000},
		{"heads over the limit", func(p *peer, n uint32) {
			p.headers(2*n+1, true, get("x", longText(9<<10))...)
		}, 200},
		{"long heads over the limit, of which most is one byte a field", func(p *peer, n uint32) {
			fields := bytes.Repeat([]byte{0x80 | 2}, maxFrameSize)
			p.must(p.write.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 2*n + 1, BlockFragment: fields, EndStream: true}))
			for i := range mostContinuations {
				p.must(p.write.WriteContinuation(2*n+1, i == mostContinuations-1, fields))
			}
		}, 2},
		{"HEADERS without an end", func(p *peer, n uint32) {
			p.must(p.write.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 2*n + 1, BlockFragment: p.encode(get()...), EndStream: true}))
			p.must(p.write.WriteContinuation(2*n+1, true, nil))
			p.must(p.write.WriteRSTStream(2*n+1, xhttp2.ErrCodeCancel))
		}, 120},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := connected(t)
			p.wants = true
			n := 0
			for ; p.err == nil && n < 5000; n++ {
				p.now += time.Microsecond
				tt.step(p, uint32(n))
				p.flush()
				p.conn.AppendFrames(nil, 16<<10)
				p.conn.AppendFrames(nil, 16<<10)
			}
			if n > tt.most || p.err == nil {
				t.Fatalf("%d rounds, then %v; want at most %d", n, p.err, tt.most)
			}
			p.fromServer.Reset()
			if failed, ok := p.err.(*ConnError); !ok || failed.Code != EnhanceYourCalm { //nolint:errorlint // exact type promised
				t.Fatalf("the connection ends with %v", p.err)
			}
		})
	}
}

// TestAFailedConnectionSendsNothingButItsGOAWAY: its streams stay until their owner ends them, which
// nobody hears of.
func TestAFailedConnectionSendsNothingButItsGOAWAY(t *testing.T) {
	t.Parallel()
	p := connected(t)
	open, asked := p.open(1), p.apps
	p.answer = nil
	p.headers(3, true, get()...)
	p.flush()
	asked = p.apps[len(asked):]
	open.send("data: x\n\n")
	p.must(p.write.WriteWindowUpdate(0, 0))
	p.flush()
	if open.gone != nil || len(p.conn.Streams()) != 2 || !p.conn.IsShut() {
		t.Errorf("gone %v, %d streams, shut %t; want two streams that nothing is sent on", open.gone, len(p.conn.Streams()), p.conn.IsShut())
	}
	p.conn.Respond(&asked[0].Stream, 200, nil, false)
	open.send("data: y\n\n")
	p.conn.Reset(&asked[0].Stream, Cancel)
	p.conn.Forget(&open.Stream)
	p.check()
	if len(p.conn.Streams()) != 0 || open.IsOpen() {
		t.Errorf("%d streams are left", len(p.conn.Streams()))
	}
	p.wantFailed(ProtocolError)
	if f := p.next(); f != nil {
		t.Errorf("%v follows the GOAWAY", f)
	}
}

// TestHonestClientsStayWithinTheBudget: a page that opens all its streams at once, gets events for
// an hour, gives back two windows for each, pings, and closes everything.
func TestHonestClientsStayWithinTheBudget(t *testing.T) {
	t.Parallel()
	p := connected(t)
	next := uint32(1)
	for range 20 {
		first := len(p.apps)
		for range 100 {
			p.headers(next, true, get()...)
			next += 2
		}
		p.flush()
		for range 30 {
			p.now += 2 * time.Second
			for _, a := range p.apps[first:] {
				a.send("data: x\n\n")
			}
			for f := p.next(); f != nil; f = p.next() {
				if d, ok := f.(*xhttp2.DataFrame); ok {
					p.must(p.write.WriteWindowUpdate(d.StreamID, d.Length))
					p.must(p.write.WriteWindowUpdate(0, d.Length))
				}
			}
			p.must(p.write.WritePing(false, [8]byte{}))
			p.flush()
		}
		for _, a := range p.apps[first:] {
			p.must(p.write.WriteRSTStream(a.ID(), xhttp2.ErrCodeCancel))
		}
		p.flush()
		p.now += 3 * time.Second // the browser's retry
		if p.err != nil {
			t.Fatal(p.err)
		}
	}
}

func TestAPeerThatTakesNothingIsBounded(t *testing.T) {
	t.Parallel()
	p := connected(t)
	for range 100_000 {
		p.now += time.Second // the budget is always full
		p.must(p.write.WritePing(false, [8]byte{}))
		p.flush()
		if p.err != nil {
			if len(p.conn.send.out) > 2*mostBytes {
				t.Fatalf("%d bytes wait", len(p.conn.send.out))
			}
			p.wantFailed(EnhanceYourCalm)
			return
		}
	}
	t.Fatal("no end")
}
