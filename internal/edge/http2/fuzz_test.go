package http2

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// FuzzReceive throws bytes at a connection behind its preface and settings. It must come out the
// same however they are cut, keep its own books, bound what it holds, and refuse what another
// implementation's frame reader refuses.
func FuzzReceive(f *testing.F) {
	seed := func(write func(w *xhttp2.Framer, block func(...string) []byte)) {
		var out, enc bytes.Buffer
		encoder := hpack.NewEncoder(&enc)
		w := xhttp2.NewFramer(&out, nil)
		w.AllowIllegalWrites = true
		write(w, func(fields ...string) []byte {
			enc.Reset()
			for i := 0; i < len(fields); i += 2 {
				_ = encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
			}
			return bytes.Clone(enc.Bytes())
		})
		f.Add(out.Bytes())
	}
	seed(func(w *xhttp2.Framer, block func(...string) []byte) {
		_ = w.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: block(get()...), EndStream: true, EndHeaders: true})
		_ = w.WriteSettingsAck()
		_ = w.WriteWindowUpdate(1, 10)
		_ = w.WriteRSTStream(1, xhttp2.ErrCodeCancel)
	})
	seed(func(w *xhttp2.Framer, block func(...string) []byte) {
		b := block(get("cookie", "a", "cookie", "b", "content-length", "3")...)
		_ = w.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 3, BlockFragment: b[:5], PadLength: 9, Priority: xhttp2.PriorityParam{StreamDep: 1}})
		_ = w.WriteContinuation(3, true, b[5:])
		_ = w.WriteDataPadded(3, true, []byte("abc"), make([]byte, 4))
		_ = w.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 5, BlockFragment: block(get()...), EndHeaders: true})
		_ = w.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 5, BlockFragment: block("x", "y"), EndStream: true, EndHeaders: true})
	})
	seed(func(w *xhttp2.Framer, _ func(...string) []byte) {
		_ = w.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0}, xhttp2.Setting{ID: xhttp2.SettingMaxFrameSize, Val: 1 << 20})
		_ = w.WritePing(false, [8]byte{})
		_ = w.WritePriority(7, xhttp2.PriorityParam{StreamDep: 7})
		_ = w.WriteGoAway(0, 0, []byte("debug"))
		_ = w.WriteRawFrame(0x99, 0xff, 12, []byte("new"))
		_ = w.WriteRawFrame(4, 1, 0, nil)
	})
	f.Fuzz(func(t *testing.T, frames []byte) {
		if len(frames) > 1<<17 {
			return
		}
		settings := []byte("\x00\x00\x00\x04\x00\x00\x00\x00\x00")
		whole, err := receiveAll(t, append([]byte(Preface), append(settings, frames...)...), 1<<20)
		for _, size := range []int{1, 7} {
			if len(frames) > 1<<12 && size == 1 {
				continue
			}
			cut, cutErr := receiveAll(t, append([]byte(Preface), append(settings, frames...)...), size)
			if cut != whole || fmt.Sprint(err) != fmt.Sprint(cutErr) {
				t.Fatalf("in pieces of %d: %v\n%q\nat once: %v\n%q", size, cutErr, cut, err, whole)
			}
		}
		rest := bytes.NewReader(append(settings, frames...))
		reader := xhttp2.NewFramer(nil, rest)
		reader.SetMaxReadFrameSize(maxFrameSize)
		for {
			if next := in(settings, frames, rest.Len()); len(next) >= frameHeaderLen {
				h := parseFrameHeader(next)
				if h.kind == framePriorityUpdate || h.kind == framePriority && h.length != 5 {
					return // it reads what we skip (RFC 9218, section 7.1), and is stricter than section 6.3
				}
			}
			_, theirs := reader.ReadFrame()
			var conn xhttp2.ConnectionError
			switch {
			case errors.As(theirs, &conn), errors.Is(theirs, xhttp2.ErrFrameTooLarge):
				if err == nil {
					t.Fatalf("accepted, where another implementation finds %v", theirs)
				}
				return
			case errors.As(theirs, new(xhttp2.StreamError)):
				continue
			case theirs != nil:
				return
			}
		}
	})
}

const framePriorityUpdate = 0x10

// in returns the last n bytes of both.
func in(settings, frames []byte, n int) []byte {
	all := append(bytes.Clone(settings), frames...)
	return all[len(all)-n:]
}

// receiveAll returns all that a connection sends and says about the bytes.
func receiveAll(t *testing.T, in []byte, size int) (string, error) {
	t.Helper()
	p := newPeer(t)
	p.wants = true
	for len(in) > 0 {
		n := min(size, len(in))
		piece := bytes.Clone(in[:n])
		in = in[n:]
		if err := receiveWhole(&p.conn, time.Second, piece); err != nil && p.err == nil {
			p.err = err
		}
		clear(piece)
		p.check()
		if held := p.conn.send.waiting() + p.kept(); held > mostSettings*settingLen+mostBytes+maxFrameSize {
			t.Fatalf("%d bytes are held", held)
		}
		if n := p.keptOfHead(); n > testLimits.HeaderBytes {
			t.Fatalf("%d bytes of a head are held", n)
		}
	}
	for _, a := range p.apps {
		if a.IsOpen() {
			a.send("data: x\n\n")
		}
	}
	p.pull(16 << 10)
	out := p.fromServer.String()
	for _, a := range p.apps {
		out += fmt.Sprintf("%d %v %q %v", a.ID(), a.head, a.body, a.bodyEnd)
	}
	return out, p.err
}

// kept returns how many bytes of a frame that has not come whole are kept, besides those of a head.
func (p *peer) kept() int {
	if in := p.conn.recv.input; in != nil {
		return len(in.kept)
	}
	return 0
}

// keptOfHead returns how many bytes of a head are kept.
func (p *peer) keptOfHead() int {
	if in := p.conn.recv.input; in != nil {
		return len(in.block.kept)
	}
	return 0
}
