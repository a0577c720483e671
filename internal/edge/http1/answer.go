package http1

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/hassesd/hassesd/internal/edge/exchange"
)

// AppendStreamHead appends the head of the 200 that begins a stream. The body is chunked, except
// for an HTTP/1.0 client, for whom the end of the connection ends it. closes: the connection ends
// after the stream. A client that keeps connections must know (RFC 9112 section 9.6), or it sends
// its next request to a connection that is ending.
func AppendStreamHead(dst []byte, http10, closes bool, fields []exchange.Field) []byte {
	dst = appendHead(dst, http10, http.StatusOK, fields)
	if !http10 {
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	if closes || http10 {
		dst = append(dst, "Connection: close\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// AppendAnswer appends a whole finite response, which ends the connection. req is nil if the
// request could not be read.
func AppendAnswer(dst []byte, req *exchange.Request, a *exchange.Answer) []byte {
	return appendAnswer(dst, req, a, true)
}

func appendAnswer(dst []byte, req *exchange.Request, a *exchange.Answer, closes bool) []byte {
	dst = slices.Grow(dst, answerSize(a))
	dst = appendHead(dst, req != nil && req.HTTP10, a.Status, a.Fields)
	if a.Body != nil {
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(a.Body)), 10)
		dst = append(dst, "\r\n"...)
	}
	if closes {
		dst = append(dst, "Connection: close\r\n"...)
	}
	dst = append(dst, "\r\n"...)
	if req != nil && req.Method == http.MethodHead {
		return dst
	}
	return append(dst, a.Body...)
}

// answerSize returns room for an answer: about its size, rather more than less.
func answerSize(a *exchange.Answer) int {
	n := 128 + len(a.Body) // the status line, and the fields of framing
	for _, f := range a.Fields {
		n += len(f.Name) + len(f.Value) + len(": \r\n")
	}
	return n
}

// appendHead appends the status line, in the version that the client speaks, and the fields.
func appendHead(dst []byte, http10 bool, status int, fields []exchange.Field) []byte {
	version := "HTTP/1.1 "
	if http10 {
		version = "HTTP/1.0 "
	}
	dst = append(dst, version...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	dst = append(dst, http.StatusText(status)...)
	dst = append(dst, "\r\n"...)
	for _, f := range fields {
		dst = append(dst, f.Name...)
		dst = append(dst, ": "...)
		dst = append(dst, f.Value...)
		dst = append(dst, "\r\n"...)
	}
	return dst
}
