package http1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// decode feeds the pieces to a decoder. It returns the data, and what follows the body once that is
// done.
func decode(b *body, pieces ...string) (data, rest string, err error) {
	for _, piece := range pieces {
		p := []byte(piece)
		for len(p) > 0 {
			if b.isDone() {
				rest += string(p)
				break
			}
			d, after, bad := b.next(p)
			if bad != nil {
				return data, "", fmt.Errorf("%s", bad.Message)
			}
			data, p = data+string(d), after
		}
	}
	return data, rest, nil
}

var chunked = []struct {
	name, text string
	data, rest string
	isOpen     bool // the end has not come
	isBad      bool
}{
	{name: "one chunk", text: "5\r\nhello\r\n0\r\n\r\nGET", data: "hello", rest: "GET"},
	{name: "two", text: "1\r\na\r\nA\r\n0123456789\r\n0\r\n\r\n", data: "a0123456789"},
	{name: "an empty body", text: "0\r\n\r\nx", rest: "x"},
	{name: "leading zeros", text: "0005\r\nhello\r\n000\r\n\r\n", data: "hello"},
	{name: "data that looks like chunks", text: "7\r\n0\r\n\r\n0\r\r\n0\r\n\r\n", data: "0\r\n\r\n0\r"},
	{name: "an extension", text: "5;a=b ; c=\"d\"\r\nhello\r\n0;x\r\n\r\n", data: "hello"},
	{name: "a blank before an extension", text: "5 ;a\r\nhello\r\n0\r\n\r\n", isBad: true},
	{name: "trailers", text: "0\r\nX: y\r\nContent-Length: 5\r\n\r\nx", rest: "x"},
	{name: "open", text: "5\r\nhel", data: "hel", isOpen: true},
	{name: "without its last chunk", text: "5\r\nhello\r\n", data: "hello", isOpen: true},

	{name: "LF alone", text: "5\nhello\r\n0\r\n\r\n", isBad: true},
	{name: "LF alone after the data", text: "5\r\nhello\n0\r\n\r\n", data: "hello", isBad: true},
	{name: "LF alone at the end", text: "0\r\n\n", isBad: true},
	{name: "CR within a line", text: "5\r;\r\nhello\r\n0\r\n\r\n", isBad: true},
	{name: "no size", text: "\r\nhello", isBad: true},
	{name: "only an extension", text: ";a\r\n", isBad: true},
	{name: "a sign", text: "+5\r\nhello\r\n0\r\n\r\n", isBad: true},
	{name: "minus", text: "-5\r\nhello\r\n0\r\n\r\n", isBad: true},
	{name: "0x", text: "0x5\r\nhello\r\n0\r\n\r\n", isBad: true},
	{name: "a blank before the size", text: " 5\r\nhello\r\n0\r\n\r\n", isBad: true},
	{name: "a blank after the size", text: "5 \r\nhello\r\n0\r\n\r\n", isBad: true},
	{name: "an underscore", text: "1_0\r\nhello\r\n0\r\n\r\n", isBad: true},
	{name: "no hexadecimal", text: "g\r\nhello\r\n0\r\n\r\n", isBad: true},
	{name: "a size that overflows", text: "10000000000000005\r\nhello\r\n0\r\n\r\n", isBad: true},
	{name: "a size that is negative in 64 bits", text: "FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n", isBad: true},
	{name: "a shorter size than the data", text: "4\r\nhello\r\n0\r\n\r\n", data: "hell", isBad: true},
	{name: "a NUL in an extension", text: "5;\x00\r\nhello\r\n0\r\n\r\n", isBad: true},
	{name: "a long extension", text: "5;" + strings.Repeat("a", 300) + "\r\nhello\r\n0\r\n\r\n", isBad: true},
	{name: "a trailer without a colon", text: "0\r\nGET / HTTP/1.1\r\n\r\n", isBad: true},
	{name: "a folded trailer", text: "0\r\nX: y\r\n z\r\n\r\n", isBad: true},
	{name: "long trailers", text: "0\r\n" + strings.Repeat("X: y\r\n", 200) + "\r\n", isBad: true},
}

func TestChunkedBody(t *testing.T) {
	t.Parallel()
	for _, tt := range chunked {
		ways := [][]string{{tt.text}, strings.Split(tt.text, "")}
		for cut := range tt.text {
			ways = append(ways, []string{tt.text[:cut], tt.text[cut:]})
		}
		for _, pieces := range ways {
			b := newBody(-1, 1000)
			data, rest, err := decode(b, pieces...)
			if data != tt.data || rest != tt.rest || (err != nil) != tt.isBad || err == nil && b.isDone() == tt.isOpen {
				t.Errorf("%s in %d pieces: data %q, rest %q, done %t, %v", tt.name, len(pieces), data, rest, b.isDone(), err)
			}
		}
	}
}

func TestABodyOfAKnownLength(t *testing.T) {
	t.Parallel()
	for _, pieces := range [][]string{{"helloGET"}, {"hel", "loGET"}, strings.Split("helloGET", "")} {
		b := newBody(5, 1000)
		if data, rest, err := decode(b, pieces...); data != "hello" || rest != "GET" || err != nil || !b.isDone() {
			t.Errorf("%q: data %q, rest %q, %v", pieces, data, rest, err)
		}
	}
	if b := newBody(0, 1000); !b.isDone() {
		t.Error("an empty body is not done at once")
	}
}

// A body of tiny chunks with long extensions costs much to read for what it brings.
func TestChunksThatAreMostlyExtensions(t *testing.T) {
	t.Parallel()
	chunk := "1;" + strings.Repeat("a", 200) + "\r\nx\r\n"
	if _, _, err := decode(newBody(-1, 1000), strings.Repeat(chunk, 1000)); err == nil {
		t.Error("accepted")
	}
	if data, _, err := decode(newBody(-1, 1000), strings.Repeat("1\r\nx\r\n", 100_000)); err != nil || len(data) != 100_000 {
		t.Errorf("small chunks: %d bytes, %v", len(data), err)
	}
}

// What this decoder takes, net/http reads in the same way; what net/http refuses, it refuses.
func FuzzChunkedBody(f *testing.F) {
	for _, tt := range chunked {
		f.Add([]byte(tt.text), 3)
	}
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		size = max(1, size%40)
		var pieces []string
		for rest := string(text); rest != ""; {
			n := min(size, len(rest))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		b := newBody(-1, 1000)
		data, rest, err := decode(b, pieces...)
		if err != nil {
			return
		}
		head := "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		reader := bufio.NewReader(io.MultiReader(strings.NewReader(head), bytes.NewReader(text)))
		r, err := http.ReadRequest(reader)
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(r.Body)
		if string(want) != data {
			t.Fatalf("data %q, net/http has %q", data, want)
		}
		if b.isDone() != (err == nil) {
			t.Fatalf("done %t, net/http: %v", b.isDone(), err)
		}
		if after, _ := io.ReadAll(reader); b.isDone() && string(after) != rest {
			t.Errorf("what follows is %q, for net/http %q", rest, after)
		}
	})
}
