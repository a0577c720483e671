package http2

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// peer is a scripted client with the frames of another implementation, and the application behind
// the connection.
type peer struct {
	t    *testing.T
	conn Conn
	now  time.Duration
	err  error // of the connection

	toServer bytes.Buffer
	write    *xhttp2.Framer
	block    bytes.Buffer
	encoder  *hpack.Encoder
	decoder  *hpack.Decoder

	fromServer bytes.Buffer
	read       *xhttp2.Framer

	answer  func(a *app, head *Head, end bool) // what the application does with a request
	wants   bool                               // bodies
	apps    []*app
	refused []ErrCode
}

// app is the application's side of one stream.
type app struct {
	Stream
	p       *peer
	head    Head
	body    []byte
	bodyEnd bool
	payload []byte
	gone    *ErrCode
	byPeer  bool
	done    bool
	windows int // how often its own window has opened
}

func (a *app) Data(p []byte, end bool) {
	a.body = append(a.body, p...)
	a.bodyEnd = a.bodyEnd || end
	a.p.conn.Consumed(&a.Stream, len(p))
}

func (a *app) Payload(dst []byte, limit int) ([]byte, bool) {
	n := min(limit, len(a.payload))
	dst = append(dst, a.payload[:n]...)
	a.payload = a.payload[n:]
	return dst, len(a.payload) > 0
}

func (a *app) Window() { a.windows++ }

func (a *app) Done() { a.done = true }

func (a *app) Gone(code ErrCode, byPeer bool) {
	if a.gone != nil {
		a.p.t.Error("a stream is gone twice")
	}
	a.gone, a.byPeer = &code, byPeer
}

func (a *app) send(text string) {
	a.payload = append(a.payload, text...)
	a.p.conn.HaveData(&a.Stream)
}

// NewStream, Request, TooLarge and AcceptsBody implement Handler.
func (p *peer) NewStream() (*Stream, Owner) {
	a := &app{p: p}
	p.apps = append(p.apps, a)
	return &a.Stream, a
}

func (p *peer) Request(s *Stream, head *Head, end bool) {
	a := p.of(s)
	a.head = *head
	a.head.Fields = slices.Clone(head.Fields)
	a.bodyEnd = end
	if p.answer != nil {
		p.answer(a, head, end)
	}
}

func (p *peer) TooLarge(s *Stream) { p.conn.Respond(s, 431, nil, true) }

func (p *peer) Refused(code ErrCode) { p.refused = append(p.refused, code) }

func (p *peer) AcceptsBody(*Stream) bool { return p.wants }

func (p *peer) of(s *Stream) *app {
	for _, a := range p.apps {
		if &a.Stream == s {
			return a
		}
	}
	p.t.Fatal("an unknown stream")
	return nil
}

// stream is an application that answers at once and lets the stream stay open, as an event stream does.
func stream(a *app, _ *Head, _ bool) { a.p.conn.Respond(&a.Stream, 200, nil, false) }

var testLimits = Limits{HeaderBytes: 8 << 10, Streams: 100}

func newPeer(t *testing.T) *peer { return newPeerWith(t, testLimits) }

func newPeerWith(t *testing.T, limits Limits) *peer {
	t.Helper()
	p := &peer{t: t, answer: stream}
	p.conn.Start(p.now, NewShared(limits), p)
	p.write = xhttp2.NewFramer(&p.toServer, nil)
	p.write.AllowIllegalWrites, p.write.AllowIllegalReads = true, true
	p.read = xhttp2.NewFramer(nil, &p.fromServer)
	p.encoder = hpack.NewEncoder(&p.block)
	p.decoder = hpack.NewDecoder(4096, nil)
	return p
}

// connected is a peer whose settings were exchanged and acknowledged, in both directions.
func connected(t *testing.T) *peer {
	t.Helper()
	return connectedWith(t, testLimits)
}

func connectedWith(t *testing.T, limits Limits) *peer {
	t.Helper()
	p := newPeerWith(t, limits)
	p.toServer.WriteString(Preface)
	p.must(p.write.WriteSettings())
	p.must(p.write.WriteSettingsAck())
	p.encoder.SetMaxDynamicTableSize(0) // as our settings want it, from the acknowledgment on
	p.flush()
	p.wantSettings()
	p.wantSettingsAck()
	return p
}

// manyStreams is such a peer that has opened so many streams, and read the heads of their answers.
func manyStreams(t *testing.T, n int) *peer {
	t.Helper()
	p := connectedWith(t, Limits{HeaderBytes: testLimits.HeaderBytes, Streams: n})
	for i := range uint32(n) {
		p.headers(2*i+1, true, get()...)
	}
	p.must(receiveWhole(&p.conn, p.now, p.toServer.Next(p.toServer.Len())))
	p.pull(16 << 10)
	p.fromServer.Reset()
	return p
}

func (p *peer) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// flush hands over what was written, in pieces of n bytes if n is given.
func (p *peer) flush(n ...int) {
	p.t.Helper()
	size := p.toServer.Len()
	if len(n) > 0 {
		size = n[0]
	}
	for p.toServer.Len() > 0 {
		// A copy, poisoned afterwards: what is kept of it would show.
		piece := slices.Clone(p.toServer.Next(size))
		if err := receiveWhole(&p.conn, p.now, piece); err != nil && p.err == nil {
			p.err = err
		}
		for i := range piece {
			piece[i] = 0xdb
		}
		p.check()
	}
}

func (p *peer) check() {
	p.t.Helper()
	if fault := p.conn.Check(); fault != "" {
		p.t.Fatal(fault)
	}
}

// pull asks for what is to be sent, in records of limit bytes.
func (p *peer) pull(limit int) {
	p.t.Helper()
	for {
		record := p.conn.AppendFrames([]byte("before"), limit)
		if len(record) > len("before")+limit || !bytes.HasPrefix(record, []byte("before")) {
			p.t.Fatalf("a record of %d bytes, limit %d", len(record), limit)
		}
		p.check()
		if len(record) == len("before") {
			return
		}
		p.fromServer.Write(record[len("before"):])
	}
}

// next is the next frame from the server; nil: there is none.
func (p *peer) next() xhttp2.Frame {
	p.t.Helper()
	if p.fromServer.Len() == 0 {
		p.pull(16 << 10)
	}
	f, err := p.read.ReadFrame()
	if errors.Is(err, io.EOF) {
		return nil
	}
	p.must(err)
	return f
}

func want[F xhttp2.Frame](p *peer) F {
	p.t.Helper()
	f := p.next()
	typed, ok := f.(F)
	if !ok {
		p.t.Fatalf("got %v, want %T", f, typed)
	}
	return typed
}

func (p *peer) wantNothing() {
	p.t.Helper()
	if f := p.next(); f != nil {
		p.t.Fatalf("got %v, want nothing", f)
	}
}

func (p *peer) wantSettings() *xhttp2.SettingsFrame {
	p.t.Helper()
	f := want[*xhttp2.SettingsFrame](p)
	if f.IsAck() {
		p.t.Fatal("got an acknowledgment, want settings")
	}
	return f
}

func (p *peer) wantSettingsAck() {
	p.t.Helper()
	if !want[*xhttp2.SettingsFrame](p).IsAck() {
		p.t.Fatal("got settings, want an acknowledgment")
	}
}

func (p *peer) wantHead(stream uint32, status string, end bool) {
	p.t.Helper()
	f := want[*xhttp2.HeadersFrame](p)
	fields, err := p.decoder.DecodeFull(f.HeaderBlockFragment())
	p.must(err)
	if f.StreamID != stream || len(fields) == 0 || fields[0].Value != status || f.StreamEnded() != end {
		p.t.Fatalf("got %v %v, want status %s of stream %d, end %v", f, fields, status, stream, end)
	}
}

func (p *peer) wantData(stream uint32, text string, end bool) {
	p.t.Helper()
	f := want[*xhttp2.DataFrame](p)
	if f.StreamID != stream || string(f.Data()) != text || f.StreamEnded() != end {
		p.t.Fatalf("got %q of stream %d, end %v; want %q of stream %d, end %v", f.Data(), f.StreamID, f.StreamEnded(), text, stream, end)
	}
}

func (p *peer) wantReset(stream uint32, code ErrCode) {
	p.t.Helper()
	if f := want[*xhttp2.RSTStreamFrame](p); f.StreamID != stream || ErrCode(f.ErrCode) != code {
		p.t.Fatalf("got %v of stream %d, want %v of stream %d", f.ErrCode, f.StreamID, code, stream)
	}
}

func (p *peer) wantGoAway(code ErrCode, last uint32) {
	p.t.Helper()
	if f := want[*xhttp2.GoAwayFrame](p); ErrCode(f.ErrCode) != code || f.LastStreamID != last {
		p.t.Fatalf("got %v after stream %d (%s), want %v after stream %d", f.ErrCode, f.LastStreamID, f.DebugData(), code, last)
	}
}

// wantFailed is the end of a connection by the peer's mistake.
func (p *peer) wantFailed(code ErrCode) {
	p.t.Helper()
	var failed *ConnError
	if !errors.As(p.err, &failed) || failed.Code != code || !p.conn.Failed() {
		p.t.Fatalf("the connection's error is %v, want %v", p.err, code)
	}
	for {
		f := p.next()
		if f == nil {
			p.t.Fatal("no GOAWAY")
		}
		if g, ok := f.(*xhttp2.GoAwayFrame); ok {
			if ErrCode(g.ErrCode) != code {
				p.t.Fatalf("GOAWAY says %v, want %v", g.ErrCode, code)
			}
			return
		}
	}
}

// encode is an HPACK block of name, value, name, value…
func (p *peer) encode(fields ...string) []byte {
	p.t.Helper()
	p.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		p.must(p.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}))
	}
	return slices.Clone(p.block.Bytes())
}

// get are the fields of an ordinary request, and more.
func get(more ...string) []string {
	return append([]string{":method", "GET", ":scheme", "https", ":authority", "push.example", ":path", "/sse?subscribe=a"}, more...)
}

// headers writes a HEADERS frame.
func (p *peer) headers(stream uint32, end bool, fields ...string) {
	p.t.Helper()
	p.must(p.write.WriteHeaders(xhttp2.HeadersFrameParam{
		StreamID: stream, BlockFragment: p.encode(fields...), EndStream: end, EndHeaders: true,
	}))
}

// open requests an event stream and reads the head of the answer.
func (p *peer) open(stream uint32) *app {
	p.t.Helper()
	p.headers(stream, true, get()...)
	p.flush()
	p.wantHead(stream, "200", false)
	return p.apps[len(p.apps)-1]
}

func longText(n int) string { return strings.Repeat("x", n) }

// receiveWhole hands p over however much work it makes.
func receiveWhole(c *Conn, now time.Duration, p []byte) error {
	for more := true; more; more = len(p) > 0 {
		var err error
		if p, err = c.Receive(now, p); err != nil {
			return err
		}
	}
	return nil
}
