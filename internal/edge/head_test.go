package edge

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

func TestHeadEnd(t *testing.T) {
	tests := []struct {
		name, input string
		want        int
	}{
		{"nothing", "", -1},
		{"a request line", "GET / HTTP/1.1\r\n", -1},
		{"CRLF", "GET / HTTP/1.0\r\n\r\n", 18},
		{"bare LF", "GET / HTTP/1.0\n\n", 16},
		{"LF, then CRLF", "GET / HTTP/1.0\n\r\n", 17},
		{"CRLF, then LF", "GET / HTTP/1.0\r\n\n", 17},
		{"bytes behind the head", "GET / HTTP/1.0\r\n\r\nabc\r\n\r\n", 18},
		{"CR is no line end", "GET / HTTP/1.0\r\r\r\n\r", -1},
		{"a CR in the blank line", "GET / HTTP/1.0\r\n\r\r\n", -1},
		{"a line of blanks is not blank", "GET / HTTP/1.0\r\n \r\n", -1},
		{"fields", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27},
		{"an empty line first", "\r\nGET / HTTP/1.0\r\n\r\n", 2},
		{"a bare LF first", "\nGET / HTTP/1.0\r\n\r\n", 1},
		{"a CR first", "\rGET / HTTP/1.0\r\n\r\n", 19},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := headEnd([]byte(tt.input), 0); got != tt.want {
				t.Errorf("headEnd(%q) = %d, want %d", tt.input, got, tt.want)
			}
			// However the bytes come, in two pieces or one by one, the answer is the same.
			for cut := range len(tt.input) + 1 {
				if got := headEndInPieces([]byte(tt.input), cut); got != tt.want {
					t.Errorf("cut at %d: %d, want %d", cut, got, tt.want)
				}
			}
			if got := headEndInDrops([]byte(tt.input)); got != tt.want {
				t.Errorf("one byte at a time: %d, want %d", got, tt.want)
			}
		})
	}
}

func headEndInPieces(input []byte, cut int) int {
	if end := headEnd(input[:cut], 0); end >= 0 {
		return end
	}
	return headEnd(input, cut)
}

func headEndInDrops(input []byte) int {
	for n := range input {
		if end := headEnd(input[:n+1], n); end >= 0 {
			return end
		}
	}
	return -1
}

func TestHeadTooLarge(t *testing.T) {
	tests := []struct {
		name, buf string
		status    int
		code      answerCode
	}{
		{"in the request line", "GET /sse?subscribe=aaaaaaa", http.StatusRequestURITooLong, codeURITooLong},
		{"in a field", "GET /sse HTTP/1.1\r\nCookie: aaaa", http.StatusRequestHeaderFieldsTooLarge, codeHeadTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := headTooLarge([]byte(tt.buf), 20)
			if got.Status != tt.status || got.Code != tt.code || got.Message == "" {
				t.Errorf("got %+v, want %d %s", got, tt.status, tt.code)
			}
		})
	}
}

// badHeads are heads that parseRequest refuses, each with one thing wrong.
var badHeads = []struct {
	name, head string
	status     int
}{
	// Line ends and control characters.
	{"empty line first", "\r\nGET /sse HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"only an empty line", "\r\n", 400},
	{"only a bare LF", "\n", 400},
	{"CR in the request line", "GET /sse\r HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"CR before the request line", "\rGET /sse HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"two CRs end the request line", "GET /sse HTTP/1.1\r\r\nHost: a\r\n\r\n", 400},
	{"bare CR in a value", "GET /sse HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
	{"bare CR that hides a field", "GET /sse HTTP/1.1\r\nHost: a\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n", 400},
	{"two CRs end a field", "GET /sse HTTP/1.1\r\nHost: a\r\nX: b\r\r\n\r\n", 400},
	{"CR in a name", "GET /sse HTTP/1.1\r\nHost: a\r\nX\rY: b\r\n\r\n", 400},
	{"NUL in the target", "GET /s\x00se HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"NUL in a name", "GET /sse HTTP/1.1\r\nHost: a\r\nX\x00: b\r\n\r\n", 400},
	{"NUL in a value", "GET /sse HTTP/1.1\r\nHost: a\r\nX: b\x00\r\n\r\n", 400},
	{"DEL in the target", "GET /s\x7fse HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"DEL in a value", "GET /sse HTTP/1.1\r\nHost: a\r\nX: b\x7f\r\n\r\n", 400},
	{"escape in a value", "GET /sse HTTP/1.1\r\nHost: a\r\nUser-Agent: \x1b[31m\r\n\r\n", 400},
	{"vertical tab in a value", "GET /sse HTTP/1.1\r\nHost: a\r\nX: a\vb\r\n\r\n", 400},

	// The request line.
	{"HTTP/0.9", "GET /sse\r\n\r\n", 400},
	{"a word", "hello\r\n\r\n", 400},
	{"no method", " /sse HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"empty target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"no version", "GET /sse \r\nHost: a\r\n\r\n", 400},
	{"two spaces after the method", "GET  /sse HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"two spaces before the version", "GET /sse  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"space at the end", "GET /sse HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
	{"tabs between", "GET\t/sse\tHTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"tab in the target", "GET /s\tse HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"space in the target", "GET /s se HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"bracket in the method", "G[T /sse HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"non-ASCII in the method", "G\xc9T /sse HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"TLS ClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", 400},
	{"fragment", "GET /sse#a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"fragment behind the query", "GET /sse?subscribe=a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"relative target", "GET sse HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"malformed escape in the path", "GET /s%zse HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"cut escape in the path", "GET /sse% HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"GET *", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"opaque target", "GET mailto:a@b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"another scheme", "GET ftp://a/sse HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"URL without a host", "GET http:///sse HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"URL with a user", "GET http://u:p@a/sse HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"URL with a bad port", "GET http://a:b/sse HTTP/1.1\r\nHost: a\r\n\r\n", 400},

	// The version.
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\n", 505},
	{"HTTP/3.0", "GET /sse HTTP/3.0\r\nHost: a\r\n\r\n", 505},
	{"HTTP/1.2", "GET /sse HTTP/1.2\r\nHost: a\r\n\r\n", 505},
	{"HTTP/0.9 in so many words", "GET /sse HTTP/0.9\r\nHost: a\r\n\r\n", 505},
	{"lower-case version", "GET /sse http/1.1\r\nHost: a\r\n\r\n", 400},
	{"HTTP/1", "GET /sse HTTP/1\r\nHost: a\r\n\r\n", 400},
	{"HTTP/11", "GET /sse HTTP/11\r\nHost: a\r\n\r\n", 400},
	{"HTTP/1.10", "GET /sse HTTP/1.10\r\nHost: a\r\n\r\n", 400},
	{"HTTP/+1.1", "GET /sse HTTP/+1.1\r\nHost: a\r\n\r\n", 400},
	{"another protocol", "GET /sse RTSP/1.0\r\nHost: a\r\n\r\n", 400},
	{"ICAP", "GET /sse ICAP/1.1\r\nHost: a\r\n\r\n", 400},

	// Header lines.
	{"folded line", "GET /sse HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400},
	{"folded with a tab", "GET /sse HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n", 400},
	{"folded Host", "GET /sse HTTP/1.1\r\nHost:\r\n a\r\n\r\n", 400},
	{"first line begins with a blank", "GET /sse HTTP/1.1\r\n Host: a\r\n\r\n", 400},
	{"line of blanks", "GET /sse HTTP/1.1\r\nHost: a\r\n  \r\n\r\n", 400},
	{"space before the colon", "GET /sse HTTP/1.1\r\nHost : a\r\n\r\n", 400},
	{"tab before the colon", "GET /sse HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n", 400},
	{"space before the colon of a length", "GET /sse HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n", 400},
	{"space in a name", "GET /sse HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n", 400},
	{"no name", "GET /sse HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400},
	{"no colon", "GET /sse HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", 400},
	{"parenthesis in a name", "GET /sse HTTP/1.1\r\nHost: a\r\nX(Y): b\r\n\r\n", 400},
	{"non-ASCII in a name", "GET /sse HTTP/1.1\r\nHost: a\r\nX\xc3\xa9: b\r\n\r\n", 400},
	{"Kelvin sign in a name", "GET /sse HTTP/1.1\r\nHost: a\r\nTransfer-\u212aEncoding: b\r\n\r\n", 400},
	{"65 fields", "GET /sse HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: b\r\n", 64) + "\r\n", 431},

	// Host.
	{"no Host", "GET /sse HTTP/1.1\r\n\r\n", 400},
	{"no Host with a URL", "GET http://a/sse HTTP/1.1\r\n\r\n", 400},
	{"two Hosts", "GET /sse HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
	{"the same Host twice", "GET /sse HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400},
	{"two Hosts in HTTP/1.0", "GET /sse HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400},
	{"list of Hosts", "GET /sse HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
	{"Host with a path", "GET /sse HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
	{"Host with a user", "GET /sse HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
	{"non-ASCII Host", "GET /sse HTTP/1.1\r\nHost: b\xc3\xbccher.example\r\n\r\n", 400},

	// Where a body ends.
	{"length that is no number", "GET /sse HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400},
	{"empty length", "GET /sse HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
	{"negative length", "GET /sse HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
	{"length with a sign", "GET /sse HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n", 400},
	{"hexadecimal length", "GET /sse HTTP/1.1\r\nHost: a\r\nContent-Length: 0x0\r\n\r\n", 400},
	{"length with a space", "GET /sse HTTP/1.1\r\nHost: a\r\nContent-Length: 0 0\r\n\r\n", 400},
	{"list of lengths", "GET /sse HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n", 400},
	{"length that overflows", "GET /sse HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n", 400},
	{"two lengths", "GET /sse HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n", 400},
	{"the same length twice", "GET /sse HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400},
	{"length and coding", "POST /sse HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"coding and length", "POST /sse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 400},
	{"two codings", "GET /sse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"identity and chunked", "GET /sse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\n\r\n", 400},
	{"unknown coding", "GET /sse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400},
	{"quoted coding", "GET /sse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", 400},
	{"empty coding", "GET /sse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", 400},
	{"coding in HTTP/1.0", "GET /sse HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},

	{"two origins", "GET /sse HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\nOrigin: https://b\r\n\r\n", 400},
}

func TestParseRequestRefuses(t *testing.T) {
	for _, tt := range badHeads {
		t.Run(tt.name, func(t *testing.T) {
			head := []byte(tt.head)
			before := bytes.Clone(head)
			req, bad := parseRequest(head)
			if bad == nil {
				t.Fatalf("parseRequest(%q) = %+v, want status %d", tt.head, req, tt.status)
			}
			if req != nil {
				t.Errorf("a refused request came with %+v", req)
			}
			if bad.Status != tt.status || bad.Message == "" {
				t.Errorf("got %+v, want status %d and a message", bad, tt.status)
			}
			if want := codeOfStatus[tt.status]; bad.Code != want {
				t.Errorf("code %s, want %s", bad.Code, want)
			}
			if !bytes.Equal(head, before) {
				t.Errorf("the head was changed to %q", head)
			}
		})
	}
}

var codeOfStatus = map[int]answerCode{400: codeBadRequest, 431: codeHeadTooLarge, 505: codeVersionNotSupported}
