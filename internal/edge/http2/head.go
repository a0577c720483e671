package http2

import (
	"strconv"
	"strings"

	"golang.org/x/net/http2/hpack"
)

// maxFields is how many header fields a request may have. Browsers send about 20, and may cut a
// cookie into many.
const maxFields = 128

// Head is the head of a request. It is good for the call that it is handed to.
type Head struct {
	Method    string
	Scheme    string
	Authority string  // :authority, or Host where there is none
	Path      string  // :path, with the query
	Fields    []Field // in the order they came, without pseudo-fields; cookies are joined and stand last

	// HostDiffers reports that Host names another authority than :authority (RFC 9113, section 8.3.1).
	HostDiffers bool
	// ContentLength is the length of the body as the client stated it, -1 if it did not.
	ContentLength int64
}

// fieldSize is what a field counts against SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113, section 6.5.2).
func fieldSize(f hpack.HeaderField) int { return len(f.Name) + len(f.Value) + 32 }

// headReader collects the fields of one block and judges them.
type headReader struct {
	head      Head
	cookies   []string
	host      string
	decoder   *hpack.Decoder
	left      int // of the limit
	count     int
	hasHost   bool
	regular   bool // a field that is no pseudo-field has come
	trailers  bool
	tooLarge  bool
	malformed string // why; empty: it is not
	pseudo    uint8  // which pseudo-fields have come
}

const (
	pseudoMethod = 1 << iota
	pseudoScheme
	pseudoAuthority
	pseudoPath
)

func (r *headReader) begin(limit int, trailers bool) {
	*r = headReader{head: Head{ContentLength: -1, Fields: r.head.Fields[:0]}, cookies: r.cookies[:0], left: limit, trailers: trailers}
}

// take is the decoder's emit function.
func (r *headReader) take(f hpack.HeaderField) {
	r.left -= fieldSize(f)
	r.count++
	if r.left < 0 || r.count > maxFields {
		r.tooLarge = true
		r.decoder.SetEmitEnabled(false) // what follows is read for the table alone
		return
	}
	if r.malformed != "" {
		return
	}
	if f.IsPseudo() {
		r.takePseudo(f.Name, f.Value)
		return
	}
	r.regular = true
	if r.malformed = fieldFault(f.Name, f.Value); r.malformed != "" || r.trailers {
		return
	}
	switch f.Name {
	case "cookie":
		r.cookies = append(r.cookies, f.Value)
		return
	case "host":
		if r.hasHost && r.host != f.Value {
			r.malformed = "two host fields"
		}
		r.host, r.hasHost = f.Value, true
		return
	case "content-length":
		n, err := strconv.ParseUint(f.Value, 10, 63)
		if err != nil || r.head.ContentLength >= 0 && r.head.ContentLength != int64(n) {
			r.malformed = "content-length is not one number"
			return
		}
		r.head.ContentLength = int64(n)
	}
	r.head.Fields = append(r.head.Fields, Field{f.Name, f.Value})
}

func (r *headReader) takePseudo(name, value string) {
	if r.regular {
		r.malformed = "a pseudo-field behind a field"
		return
	}
	if r.trailers {
		r.malformed = "a pseudo-field in trailers"
		return
	}
	var which uint8
	switch name {
	case ":method":
		which, r.head.Method = pseudoMethod, value
	case ":scheme":
		which, r.head.Scheme = pseudoScheme, value
	case ":authority":
		which, r.head.Authority = pseudoAuthority, value
	case ":path":
		which, r.head.Path = pseudoPath, value
	default:
		r.malformed = "an unknown pseudo-field"
		return
	}
	switch {
	case r.pseudo&which != 0:
		r.malformed = "a pseudo-field twice"
	case !isFieldValue(value):
		r.malformed = "a pseudo-field with a control character"
	}
	r.pseudo |= which
}

// finish judges the whole.
func (r *headReader) finish() (head *Head, malformed string) {
	h := &r.head
	if r.trailers || r.malformed != "" {
		return h, r.malformed
	}
	switch {
	case r.pseudo&pseudoMethod == 0 || !isToken(h.Method):
		return h, "no method"
	case h.Method == "CONNECT":
		return h, "CONNECT"
	case h.Scheme != "https" && h.Scheme != "http":
		return h, "no scheme that is served"
	case r.pseudo&pseudoPath == 0 || !isPath(h.Path, h.Method):
		return h, "no path"
	case r.pseudo&pseudoAuthority == 0 && !r.hasHost:
		return h, "no authority"
	case strings.ContainsRune(h.Authority, '@'):
		return h, "user information in the authority"
	}
	if r.pseudo&pseudoAuthority == 0 {
		h.Authority = r.host
	} else if r.hasHost && !strings.EqualFold(r.host, h.Authority) {
		h.HostDiffers = true
	}
	if len(r.cookies) > 0 {
		h.Fields = append(h.Fields, Field{"cookie", strings.Join(r.cookies, "; ")})
	}
	return h, ""
}

// isPath reports whether a :path begins with a slash and has no blank or control character; only
// OPTIONS may ask for "*" (RFC 9113, section 8.3.1).
func isPath(path, method string) bool {
	if path == "*" {
		return method == "OPTIONS"
	}
	if path == "" || path[0] != '/' {
		return false
	}
	return !strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '#' })
}

// fieldFault states why a field makes its request malformed (RFC 9113, sections 8.2.1 and 8.2.2).
func fieldFault(name, value string) string {
	switch {
	case !isLowerToken(name):
		return "a field name that is not lower case or not a token"
	case !isFieldValue(value):
		return "a field value with a control character, or blanks around it"
	}
	switch name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return "a field of connections"
	case "te":
		if value != "trailers" {
			return "te is not trailers"
		}
	}
	return ""
}

// isFieldValue reports whether v has neither CR, LF, NUL nor another control character but HTAB,
// and no blank at its ends.
func isFieldValue(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return v == "" || !isBlank(v[0]) && !isBlank(v[len(v)-1])
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isLowerToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' || !isTokenByte(c) {
			return false
		}
	}
	return s != ""
}

// isTokenByte reports whether c may stand in a token (RFC 9110, section 5.6.2).
func isTokenByte(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// Field is a header field. Its name is lower case in a request, and becomes so in an answer.
type Field struct{ Name, Value string }
