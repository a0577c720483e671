package exchange

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// Code names an error in the body of an answer. The set is closed and public: pages and scripts
// branch on it.
type Code string

// The codes.
const (
	CodeMissingRooms        Code = "missing_rooms"
	CodeBadRoom             Code = "bad_room"
	CodeTooManyRooms        Code = "too_many_rooms"
	CodeBadID               Code = "bad_id"
	CodeAllRoomsNotAllowed  Code = "all_rooms_not_allowed"
	CodeNotFound            Code = "not_found"
	CodeMethodNotAllowed    Code = "method_not_allowed"
	CodeBadRequest          Code = "bad_request"
	CodeMisdirected         Code = "misdirected_request"
	CodeBodyNotAllowed      Code = "body_not_allowed"
	CodeURITooLong          Code = "uri_too_long"
	CodeHeadTooLarge        Code = "head_too_large"
	CodeVersionNotSupported Code = "version_not_supported"
	CodeMissingToken        Code = "missing_token"
	CodeInvalidToken        Code = "invalid_token"
	CodeRoomNotAllowed      Code = "room_not_allowed"
	CodeIDNotAllowed        Code = "id_not_allowed"
	CodeOriginNotAllowed    Code = "origin_not_allowed"
	CodeExpectationFailed   Code = "expectation_failed"
)

// Field is one header field.
type Field struct{ Name, Value string }

// Answer is a finite answer, or the head of a stream. Framing fields are not part of it: each
// version of HTTP has its own.
type Answer struct {
	Status int
	Fields []Field
	Body   []byte // nil: none

	// Of an error.
	Code    Code   // empty: it is none
	Message string // what is wrong, for the person who wrote the client
	Hostile bool   // no honest client sends such a request
	Denial  string // of a 401: the reason, for our log alone

	Stream  bool // its fields are those of the stream that GET would open
	Publish bool // it is none yet: the request's body is to be published
}

// Refuse returns the answer that refuses a request.
func Refuse(status int, code Code, message string) *Answer {
	return &Answer{Status: status, Code: code, Message: message}
}

// Malformed returns the answer to invalid HTTP that may come from a careless script, a monitor or a
// half-configured proxy.
func Malformed(message string) *Answer {
	return Refuse(http.StatusBadRequest, CodeBadRequest, message)
}

// Hostile returns the answer to a request that only an attacker sends: one with two readings, or
// one that targets parsers.
func Hostile(message string) *Answer {
	bad := Malformed(message)
	bad.Hostile = true
	return bad
}

// ErrorBody returns {"error":{"code":…,"message":…}} and a newline, for people who read it in a
// terminal.
func (a *Answer) ErrorBody() []byte {
	type detail struct {
		Code    Code   `json:"code"`
		Message string `json:"message"`
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false) // "&" is "&" for people; the answer is never taken for HTML
	if err := enc.Encode(struct {
		Error detail `json:"error"`
	}{detail{a.Code, a.Message}}); err != nil {
		panic("exchange: internal error: two strings cannot be JSON: " + err.Error())
	}
	return body.Bytes()
}
