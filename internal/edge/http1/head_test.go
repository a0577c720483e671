package http1

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/hassesd/hassesd/internal/edge/exchange"
	"github.com/hassesd/hassesd/internal/edge/http1/http1test"
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
		code      exchange.Code
	}{
		{"in the request line", "GET /sse?subscribe=aaaaaaa", http.StatusRequestURITooLong, exchange.CodeURITooLong},
		{"in a field", "GET /sse HTTP/1.1\r\nCookie: aaaa", http.StatusRequestHeaderFieldsTooLarge, exchange.CodeHeadTooLarge},
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

func TestParseRequestRefuses(t *testing.T) {
	for _, tt := range http1test.BadHeads {
		t.Run(tt.Name, func(t *testing.T) {
			head := []byte(tt.Head)
			before := bytes.Clone(head)
			req, bad := ParseRequest(head)
			if bad == nil {
				t.Fatalf("ParseRequest(%q) = %+v, want status %d", tt.Head, req, tt.Status)
			}
			if req != nil {
				t.Errorf("a refused request came with %+v", req)
			}
			if bad.Status != tt.Status || bad.Message == "" {
				t.Errorf("got %+v, want status %d and a message", bad, tt.Status)
			}
			if want := codeOfStatus[tt.Status]; bad.Code != want {
				t.Errorf("code %s, want %s", bad.Code, want)
			}
			if !bytes.Equal(head, before) {
				t.Errorf("the head was changed to %q", head)
			}
		})
	}
}

var codeOfStatus = map[int]exchange.Code{400: exchange.CodeBadRequest, 431: exchange.CodeHeadTooLarge, 505: exchange.CodeVersionNotSupported}
