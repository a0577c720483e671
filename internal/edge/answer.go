package edge

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/hassesd/hassesd/internal/auth"
)

// allowedMethods is what may be done with any resource here.
const allowedMethods = "GET, HEAD, OPTIONS"

// answerCode names an error in the body of an answer. The set is closed and public: pages and scripts branch on it.
type answerCode string

// What can be wrong with a request.
const (
	codeMissingRooms        answerCode = "missing_rooms"
	codeBadRoom             answerCode = "bad_room"
	codeTooManyRooms        answerCode = "too_many_rooms"
	codeBadID               answerCode = "bad_id"
	codeAllRoomsNotAllowed  answerCode = "all_rooms_not_allowed"
	codeNotFound            answerCode = "not_found"
	codeMethodNotAllowed    answerCode = "method_not_allowed"
	codeBadRequest          answerCode = "bad_request"
	codeMisdirected         answerCode = "misdirected_request"
	codeBodyNotAllowed      answerCode = "body_not_allowed"
	codeURITooLong          answerCode = "uri_too_long"
	codeHeadTooLarge        answerCode = "head_too_large"
	codeVersionNotSupported answerCode = "version_not_supported"
	codeMissingToken        answerCode = "missing_token"
	codeInvalidToken        answerCode = "invalid_token"
	codeRoomNotAllowed      answerCode = "room_not_allowed"
	codeIDNotAllowed        answerCode = "id_not_allowed"
	codeOriginNotAllowed    answerCode = "origin_not_allowed"
)

// answer is a finite answer, after which the connection closes. At most one of Code, page, options, stream and
// text is set.
type answer struct {
	Status  int
	Code    answerCode // of an error; empty otherwise
	Message string     // of an error: what is wrong, for the person who wrote the client

	hostile   bool        // of a 400: no honest client sends such a head
	challenge string      // of a 401, and some 403: the value of WWW-Authenticate
	denial    auth.Denial // of a 401: why, for our log alone; 0: it is none

	page    *page  // a page of the demo
	options bool   // what may be done here, and the answer to a preflight
	stream  bool   // the head of the stream that GET would open
	text    string // to be handed over as it is
}

// refusal is an answer that says no: it has a Code.
type refusal = answer

func refuse(status int, code answerCode, message string) *refusal {
	return &refusal{Status: status, Code: code, Message: message}
}

// malformed is the answer to what is not HTTP as RFC 9112 has it, but may be the work of a careless script, a monitor or a
// proxy that is half set up.
func malformed(message string) *refusal {
	return refuse(http.StatusBadRequest, codeBadRequest, message)
}

// hostile is the answer to a head that nobody sends but who tries to have it read in two ways, or to break its reader.
func hostile(message string) *refusal {
	bad := malformed(message)
	bad.hostile = true
	return bad
}

// appendStreamHead appends the head of the 200 that begins a stream. The body is chunked, but for an HTTP/1.0 client,
// for whom the end of the connection is its end. closes: the connection ends after the stream, which a client must know
// that keeps connections (RFC 9112 section 9.6), or its next request meets our end on its way. date is the value of the
// Date field.
func appendStreamHead(dst []byte, req *request, r *rules, date string, tls, closes bool) []byte {
	dst = appendStatus(dst, req, http.StatusOK)
	dst = appendStreamFields(dst)
	dst = appendCommon(dst, req, r, date, tls)
	if !req.HTTP10 {
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	if closes || req.HTTP10 {
		dst = append(dst, "Connection: close\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// appendAnswer appends a whole finite response, which ends the connection. req is nil if the request could not be read.
func appendAnswer(dst []byte, req *request, a answer, r *rules, date string, tls bool) []byte {
	var body []byte
	dst = appendStatus(dst, req, a.Status)
	switch {
	case a.stream:
		dst = appendStreamFields(dst)
	case a.options:
		dst = append(dst, "Allow: "+allowedMethods+"\r\n"...)
		dst = appendPreflight(dst, req, r)
	case a.page != nil:
		body = a.page.render(r)
		dst = append(dst, "Content-Type: "...)
		dst = append(dst, a.page.contentType...)
		dst = append(dst, "\r\nCache-Control: no-cache\r\n"+
			"Content-Security-Policy: "+demoPolicy+"\r\nReferrer-Policy: no-referrer\r\n"...)
	case a.text != "":
		body = []byte(a.text)
		dst = append(dst, "Content-Type: application/octet-stream\r\nCache-Control: no-store\r\n"...)
	default:
		body = errorBody(a)
		if a.Status == http.StatusMethodNotAllowed {
			dst = append(dst, "Allow: "+allowedMethods+"\r\n"...)
		}
		if a.challenge != "" {
			dst = append(dst, "WWW-Authenticate: "...)
			dst = append(dst, a.challenge...)
			dst = append(dst, "\r\n"...)
		}
		dst = append(dst, "Content-Type: application/json\r\nCache-Control: no-store\r\n"...)
	}
	if !a.stream { // its head is that of the GET
		dst = append(dst, "X-Content-Type-Options: nosniff\r\n"...)
	}
	dst = appendCommon(dst, req, r, date, tls)
	if body != nil {
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(body)), 10)
		dst = append(dst, "\r\n"...)
	}
	dst = append(dst, "Connection: close\r\n\r\n"...)
	if req != nil && req.Method == http.MethodHead {
		return dst
	}
	return append(dst, body...)
}

// errorBody is {"error":{"code":…,"message":…}} and a newline, for those who read it in a terminal.
func errorBody(a answer) []byte {
	type detail struct {
		Code    answerCode `json:"code"`
		Message string     `json:"message"`
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false) // "&" is "&" for people; the answer is never taken for HTML
	if err := enc.Encode(struct {
		Error detail `json:"error"`
	}{detail{a.Code, a.Message}}); err != nil {
		panic("edge: internal error: two strings cannot be JSON: " + err.Error())
	}
	return body.Bytes()
}

// appendStatus appends the status line, in the version that the client speaks.
func appendStatus(dst []byte, req *request, status int) []byte {
	version := "HTTP/1.1 "
	if req != nil && req.HTTP10 {
		version = "HTTP/1.0 "
	}
	dst = append(dst, version...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	dst = append(dst, http.StatusText(status)...)
	return append(dst, "\r\n"...)
}

// appendStreamFields appends what makes a response an event stream, and keeps proxies from holding it back.
func appendStreamFields(dst []byte) []byte {
	return append(dst, "Content-Type: text/event-stream\r\n"+
		"Cache-Control: no-cache, no-transform\r\n"+
		"X-Accel-Buffering: no\r\n"...)
}

// appendCommon appends what every response has.
func appendCommon(dst []byte, req *request, r *rules, date string, tls bool) []byte {
	dst = append(dst, "Server: hassesd\r\nDate: "...)
	dst = append(dst, date...)
	dst = append(dst, "\r\n"...)
	if tls && r.HSTS != "" {
		dst = append(dst, "Strict-Transport-Security: "...)
		dst = append(dst, r.HSTS...)
		dst = append(dst, "\r\n"...)
	}
	return appendCORS(dst, req, r)
}
