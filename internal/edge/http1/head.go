package http1

import (
	"bytes"
	"net/http"

	"github.com/hassesd/hassesd/internal/edge/exchange"
)

// maxFields is how many header fields a request may have. Browsers send about 20; servers in common
// use stop at 100.
const maxFields = 64

// headEnd returns the index just after the blank line that ends a request head, or -1 if buf does
// not contain it yet. A line may end in a bare LF (RFC 9112 section 2.2). from is the length of buf
// at the last call, so that a head that arrives in many pieces is scanned once; 0 is always
// correct.
func headEnd(buf []byte, from int) int {
	if from < 3 && len(buf) > 0 {
		// An empty first line is a head of its own, and is refused as one.
		if buf[0] == '\n' {
			return 1
		}
		if len(buf) > 1 && buf[0] == '\r' && buf[1] == '\n' {
			return 2
		}
	}
	// The blank line may have begun up to two bytes before from: LF CR | LF.
	for i := max(from-2, 0); ; i++ {
		n := bytes.IndexByte(buf[i:], '\n')
		if n < 0 {
			return -1
		}
		i += n
		switch rest := buf[i+1:]; {
		case len(rest) >= 1 && rest[0] == '\n':
			return i + 2
		case len(rest) >= 2 && rest[0] == '\r' && rest[1] == '\n':
			return i + 3
		}
	}
}

// leadingLineEnds returns the length of the empty lines before a request. RFC 9112 section 2.2 asks
// servers to ignore them, since old clients send one after a body.
func leadingLineEnds(buf []byte) int {
	n := 0
	for len(buf) >= n+2 && buf[n] == '\r' && buf[n+1] == '\n' {
		n += 2
	}
	return n
}

// headTooLarge returns the answer to a head over the limit, of which buf has arrived.
func headTooLarge(buf []byte, limit int) *exchange.Answer {
	if line := bytes.IndexByte(buf, '\n'); line < 0 || line > limit {
		return exchange.Refuse(http.StatusRequestURITooLong, exchange.CodeURITooLong, "the request line is too long")
	}
	return exchange.Refuse(http.StatusRequestHeaderFieldsTooLarge, exchange.CodeHeadTooLarge, "the request head is too long")
}

// checkHead refuses heads that lenient parsers might read in more than one way (RFC 9112 sections
// 2.2, 5 and 6): line ends, blanks, names and lengths must be unambiguous. net/http parses the
// rest.
func checkHead(head []byte) *exchange.Answer {
	line, rest := cutLine(head)
	http10, bad := checkRequestLine(line)
	if bad != nil {
		return bad
	}
	var fields, hosts, lengths, codings, origins int
	for {
		line, rest = cutLine(rest)
		if len(line) == 0 {
			break
		}
		name, value, bad := cutField(line)
		if bad != nil {
			return bad
		}
		if fields++; fields > maxFields {
			return exchange.Refuse(http.StatusRequestHeaderFieldsTooLarge, exchange.CodeHeadTooLarge, "the request has too many header fields")
		}
		switch {
		case bytes.EqualFold(name, []byte("Host")):
			hosts++
			if !isHost(value) {
				return exchange.Malformed("the Host field holds characters that no host has")
			}
		case bytes.EqualFold(name, []byte("Content-Length")):
			lengths++
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			codings++
		case bytes.EqualFold(name, []byte("Origin")):
			origins++
		}
	}
	switch {
	case hosts > 1:
		return exchange.Malformed("the request has more than one Host field")
	case hosts == 0 && !http10:
		return exchange.Malformed("the request has no Host field")
	case lengths > 1:
		return exchange.Hostile("the request has more than one Content-Length field")
	case codings > 1:
		return exchange.Hostile("the request has more than one Transfer-Encoding field")
	case lengths > 0 && codings > 0:
		return exchange.Hostile("the request has both Content-Length and Transfer-Encoding")
	case codings > 0 && http10:
		return exchange.Hostile("an HTTP/1.0 request has no Transfer-Encoding")
	case origins > 1:
		return exchange.Malformed("the request has more than one Origin field")
	}
	return nil
}

// cutLine returns the first line of b without its line end, and the rest. At the end of b the line
// is empty.
func cutLine(b []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest
}

// checkRequestLine checks the form of "GET /sse HTTP/1.1", and the version.
func checkRequestLine(line []byte) (http10 bool, bad *exchange.Answer) {
	for _, b := range line {
		if b < ' ' || b == 0x7f {
			return false, exchange.Hostile("the request line holds a control character")
		}
	}
	method, rest, ok := bytes.Cut(line, []byte(" "))
	target, version, ok2 := bytes.Cut(rest, []byte(" "))
	if !ok || !ok2 || !isToken(method) || len(target) == 0 || bytes.IndexByte(version, ' ') >= 0 {
		return false, exchange.Malformed("the request line is not method, target and version with one space between")
	}
	if bytes.IndexByte(target, '#') >= 0 {
		return false, exchange.Malformed("the request target has a fragment")
	}
	switch {
	case string(version) == "HTTP/1.1":
		return false, nil
	case string(version) == "HTTP/1.0":
		return true, nil
	case isVersion(version):
		return false, exchange.Refuse(http.StatusHTTPVersionNotSupported, exchange.CodeVersionNotSupported, "this server speaks HTTP/1.1 and HTTP/1.0")
	}
	return false, exchange.Malformed("the request line does not end in an HTTP version")
}

// isVersion reports whether b has the form of an HTTP version (RFC 9112 section 2.3).
func isVersion(b []byte) bool {
	return len(b) == len("HTTP/1.1") && string(b[:5]) == "HTTP/" && isDigit(b[5]) && b[6] == '.' && isDigit(b[7])
}

// cutField splits a non-empty field line into name and value.
func cutField(line []byte) (name, value []byte, bad *exchange.Answer) {
	if line[0] == ' ' || line[0] == '\t' {
		return nil, nil, exchange.Hostile("a header line is folded or begins with a blank")
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return nil, nil, exchange.Malformed("a header line has no colon")
	}
	if bytes.IndexFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f }) >= 0 {
		return nil, nil, exchange.Hostile("the name of a header field holds a blank or a control character")
	}
	if !isToken(name) {
		return nil, nil, exchange.Malformed("a header field has a malformed name")
	}
	for _, b := range value {
		if b < ' ' && b != '\t' || b == 0x7f {
			return nil, nil, exchange.Hostile("a header field holds a control character")
		}
	}
	return name, bytes.Trim(value, " \t"), nil
}

// isToken reports whether b is a token (RFC 9110 section 5.6.2).
func isToken(b []byte) bool {
	for _, c := range b {
		if !isAlphanumeric(c) && bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) < 0 {
			return false
		}
	}
	return len(b) > 0
}

// isHost reports whether b consists of characters of a host and port (RFC 3986 section 3.2).
// Nothing here routes by host, so its structure does not matter, and it may be empty (RFC 9112
// section 3.2).
func isHost(b []byte) bool {
	for _, c := range b {
		if !isAlphanumeric(c) && bytes.IndexByte([]byte("-._~%!$&'()*+,;=:[]"), c) < 0 {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlphanumeric(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
