package edge

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2client is a scripted client that speaks HTTP/2 with the frames of another implementation.
type h2client struct {
	*client
	out     bytes.Buffer // not yet sent
	write   *xhttp2.Framer
	read    *xhttp2.Framer
	in      bytes.Buffer // what read reads: whole frames
	block   bytes.Buffer
	encoder *hpack.Encoder
	decoder *hpack.Decoder

	answers map[uint32]*h2answer
	goAway  *xhttp2.ErrCode
	last    uint32 // of GOAWAY
	records []int  // DATA frames in each batch that came at one time
	mute    bool   // windows are not given back
	number  uint32 // of the newest stream
}

// h2answer is what has come on one stream.
type h2answer struct {
	status string
	fields map[string]string
	body   strings.Builder
	ended  bool
	reset  *xhttp2.ErrCode
}

// h2TestServer is a test server that serves HTTP/2.
func h2TestServer(t testing.TB, change func(*setup)) *testServer {
	t.Helper()
	return newTestServer(t, func(s *setup) {
		s.edge.HTTP2, s.edge.StreamsPerConnection = true, 100
		if change != nil {
			change(s)
		}
	})
}

// connectH2 connects and exchanges settings.
func (w *testServer) connectH2(settings ...xhttp2.Setting) *h2client {
	w.t.Helper()
	return w.connect().speakH2(settings...)
}

func (c *client) speakH2(settings ...xhttp2.Setting) *h2client {
	c.w.t.Helper()
	h := newH2client(c)
	h.begin(settings...)
	h.must(h.write.WriteSettingsAck())
	h.flush()
	return h
}

func newH2client(c *client) *h2client {
	h := &h2client{client: c, answers: map[uint32]*h2answer{}}
	h.write, h.read = xhttp2.NewFramer(&h.out, nil), xhttp2.NewFramer(nil, &h.in)
	h.write.AllowIllegalWrites = true
	h.encoder = hpack.NewEncoder(&h.block)
	h.encoder.SetMaxDynamicTableSize(0)
	h.decoder = hpack.NewDecoder(4096, nil)
	return h
}

func (h *h2client) must(err error) {
	h.w.t.Helper()
	if err != nil {
		h.w.t.Fatal(err)
	}
}

// begin writes what a client begins with.
func (h *h2client) begin(settings ...xhttp2.Setting) {
	h.w.t.Helper()
	h.out.WriteString(xhttp2.ClientPreface)
	h.must(h.write.WriteSettings(settings...))
}

// send sends what was written.
func (h *h2client) send() {
	h.Send(bytes.Clone(h.out.Bytes()))
	h.out.Reset()
}

// flush sends what was written, and takes what comes of it.
func (h *h2client) flush() {
	h.w.t.Helper()
	h.send()
	h.pump()
}

// pump lets everything happen and takes what has come.
func (h *h2client) pump() {
	h.w.t.Helper()
	for range 4 {
		h.w.turn()
		h.take(h.Received())
		if h.out.Len() == 0 {
			return
		}
		h.send()
	}
}

func (h *h2client) take(p []byte) {
	h.w.t.Helper()
	h.got.Write(p)
	frames := 0
	for h.got.Len() >= 9 {
		n := 9 + int(binary.BigEndian.Uint32(append([]byte{0}, h.got.Bytes()[:3]...)))
		if h.got.Len() < n {
			break
		}
		h.in.Write(h.got.Next(n))
		f, err := h.read.ReadFrame()
		h.must(err)
		if h.frame(f) {
			frames++
		}
	}
	if frames > 0 {
		h.records = append(h.records, frames)
	}
}

// frame takes one, and reports whether it was DATA.
func (h *h2client) frame(f xhttp2.Frame) (isData bool) {
	h.w.t.Helper()
	a := h.answers[f.Header().StreamID]
	switch f := f.(type) {
	case *xhttp2.HeadersFrame:
		fields, err := h.decoder.DecodeFull(f.HeaderBlockFragment())
		h.must(err)
		a.status = fields[0].Value
		a.fields = map[string]string{}
		for _, field := range fields[1:] {
			a.fields[field.Name] = field.Value
		}
		a.ended = f.StreamEnded()
	case *xhttp2.DataFrame:
		a.body.Write(f.Data())
		a.ended = f.StreamEnded()
		if n := uint32(len(f.Data())); n > 0 && !h.mute {
			h.must(h.write.WriteWindowUpdate(0, n))
			if !a.ended {
				h.must(h.write.WriteWindowUpdate(f.StreamID, n))
			}
		}
		return true
	case *xhttp2.RSTStreamFrame:
		a.reset = &f.ErrCode
	case *xhttp2.GoAwayFrame:
		h.goAway, h.last = &f.ErrCode, f.LastStreamID
	}
	return false
}

// ask writes a request and returns where its answer will be; flush sends it.
func (h *h2client) ask(method, path string, end bool, fields ...string) (uint32, *h2answer) {
	h.w.t.Helper()
	if h.number == 0 {
		h.number = 1
	} else {
		h.number += 2
	}
	h.block.Reset()
	all := append([]string{":method", method, ":scheme", "http", ":authority", "localhost", ":path", path}, fields...)
	for i := 0; i < len(all); i += 2 {
		if i+2 < len(all) && all[i] == ":authority" && len(fields) > 0 && fields[0] == ":authority" {
			continue // the test has its own
		}
		h.must(h.encoder.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]}))
	}
	a := &h2answer{}
	h.answers[h.number] = a
	h.must(h.write.WriteHeaders(xhttp2.HeadersFrameParam{
		StreamID: h.number, BlockFragment: bytes.Clone(h.block.Bytes()), EndStream: end, EndHeaders: true,
	}))
	return h.number, a
}

func (h *h2client) get(path string, fields ...string) *h2answer {
	h.w.t.Helper()
	_, a := h.ask("GET", path, true, fields...)
	h.flush()
	return a
}

// subscribe opens a stream and eats the first frame.
func (h *h2client) subscribe(query string, fields ...string) *h2answer {
	h.w.t.Helper()
	a := h.get("/sse?"+query, fields...)
	if a.status != "200" || a.ended || !strings.HasPrefix(a.body.String(), "retry: ") {
		h.w.t.Fatalf("%s: status %q, ended %t, %q", query, a.status, a.ended, a.body.String())
	}
	a.body.Reset()
	return a
}

// events returns the data of all events.
func (a *h2answer) events() (out []string) {
	for line := range strings.Lines(a.body.String()) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			out = append(out, strings.TrimSuffix(data, "\n"))
		}
	}
	return out
}

// state says how a stream stands.
func (a *h2answer) state() string {
	switch {
	case a.reset != nil:
		return a.reset.String()
	case a.ended:
		return "ended"
	case a.status == "":
		return "waiting"
	}
	return "open"
}

func (h *h2client) want(a *h2answer, state string, events ...string) {
	h.w.t.Helper()
	if got := a.state(); got != state {
		h.w.t.Fatalf("the stream is %s (%q), want %s", got, a.body.String(), state)
	}
	if got := a.events(); fmt.Sprint(got) != fmt.Sprint(events) {
		h.w.t.Fatalf("events %q, want %q", got, events)
	}
}

// wantGoAway says that the connection ends for that reason, and soon.
func (h *h2client) wantGoAway(code xhttp2.ErrCode) {
	h.w.t.Helper()
	if h.goAway == nil || *h.goAway != code || !h.Ended() {
		h.w.t.Fatalf("GOAWAY %v, ended %t; want %v and the end", h.goAway, h.Ended(), code)
	}
}
