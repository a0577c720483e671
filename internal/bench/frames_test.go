package bench

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// readFrames returns the frames in pieces of that length; DATA is put together.
func readFrames(p []byte, length int) (got []string, err error) {
	var r frameReader
	var data strings.Builder
	for len(p) > 0 {
		piece := p[:min(length, len(p))]
		p = p[len(piece):]
		for {
			f, rest, ok, err := r.next(piece)
			if err != nil {
				return got, err
			}
			if !ok {
				break
			}
			piece = rest
			if data.Write(f.payload); f.last {
				got = append(got, fmt.Sprintf("%d %#x %d %q", f.kind, f.flags, f.stream, data.String()))
				data.Reset()
			}
		}
	}
	return got, nil
}

func TestFramesMayComeInAnyPieces(t *testing.T) {
	var b bytes.Buffer
	w := http2.NewFramer(&b, nil)
	for _, err := range []error{
		w.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 20}),
		w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte("head"), PadLength: 3, Priority: http2.PriorityParam{Weight: 7}}),
		w.WriteContinuation(1, true, []byte("more")),
		w.WriteData(1, false, []byte("hello")),
		w.WriteDataPadded(3, false, []byte("padded"), make([]byte, 9)),
		w.WriteData(1, false, nil),
		w.WritePing(false, [8]byte{'p', 'i', 'n', 'g'}),
		w.WriteRSTStream(3, http2.ErrCodeCancel),
		w.WriteData(1, true, []byte("bye")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		`4 0x0 0 "\x00\x05\x00\x10\x00\x00"`,
		`1 0x28 1 "head"`,
		`9 0x4 1 "more"`,
		`0 0x0 1 "hello"`,
		`0 0x8 3 "padded"`,
		`0 0x0 1 ""`,
		`6 0x0 0 "ping\x00\x00\x00\x00"`,
		`3 0x0 3 "\x00\x00\x00\b"`,
		`0 0x1 1 "bye"`,
	}
	for length := 1; length <= b.Len(); length++ {
		got, err := readFrames(b.Bytes(), length)
		if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("in pieces of %d: %v\n%s\nwant\n%s", length, err, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestFramesThatAreWrong(t *testing.T) {
	for name, p := range map[string]string{
		"too long":          "\x00\x40\x01\x00\x00\x00\x00\x00\x01",
		"more padding":      "\x00\x00\x02\x00\x08\x00\x00\x00\x01\x02x",
		"padding of a head": "\x00\x00\x01\x01\x0c\x00\x00\x00\x01\x01",
	} {
		if got, err := readFrames([]byte(p), 3); !errors.Is(err, errFrames) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestRequestsAreReadByAnotherImplementation(t *testing.T) {
	e := newRequestEncoder()
	long := strings.Repeat("~", 20_000) // is not shortened by HPACK
	var b []byte
	b = e.appendRequest(b, 1, []hpack.HeaderField{{Name: ":path", Value: "/a"}, {Name: "x", Value: "y"}})
	b = e.appendRequest(b, 3, []hpack.HeaderField{{Name: ":path", Value: "/" + long}})
	r := http2.NewFramer(nil, bytes.NewReader(b))
	r.ReadMetaHeaders = hpack.NewDecoder(0, nil)
	for _, want := range []struct {
		id   uint32
		path string
	}{{1, "/a"}, {3, "/" + long}} {
		f, err := r.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		h := f.(*http2.MetaHeadersFrame)
		if h.StreamID != want.id || h.PseudoValue("path") != want.path || !h.StreamEnded() {
			t.Errorf("stream %d, path %.20q, ended %t", h.StreamID, h.PseudoValue("path"), h.StreamEnded())
		}
	}
}
