package httppublish

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/hassesd/hassesd/internal/publish"
)

// Field is one header field.
type Field struct{ Name, Value string }

// Answer is the answer to a POST. Its body is JSON. The fields that every answer of a listener has
// are not among Fields, nor are Content-Type and Content-Length.
type Answer struct {
	Status int
	Code   Code // of an error; empty: some message was published, or there was none
	Fields []Field
	Body   []byte

	// WrongKey: the client showed a key or token that nobody has given. One that does so often
	// guesses.
	WrongKey bool

	ofMessage bool // the publisher has refused the message, and counted that
}

// ContentType is the type of the body of every answer.
const ContentType = "application/json"

// retryAfter is how many seconds a client should wait that is turned away for load: long enough for
// a burst to pass.
const retryAfter = "2"

// The bodies of answers.
type (
	published struct {
		ID        string `json:"id"`
		Matched   *int   `json:"matched"` // null: the loops did not count them in time
		Duplicate bool   `json:"duplicate,omitempty"`
	}
	batch struct {
		Results   []any `json:"results"` // of type published or refusedBody
		Duplicate bool  `json:"duplicate,omitempty"`
	}
	streamed struct {
		Error      *detail `json:"error,omitempty"`
		Published  int     `json:"published"`
		FirstID    string  `json:"first_id,omitempty"`
		LastID     string  `json:"last_id,omitempty"`
		Duplicate  bool    `json:"duplicate,omitempty"`
		Incomplete bool    `json:"incomplete,omitempty"` // the last event has no blank line, and was dropped
	}
	refusedBody struct {
		Error detail `json:"error"`
	}
	detail struct {
		Code    Code   `json:"code"`
		Message string `json:"message"`
		Field   string `json:"field,omitempty"`
	}
)

// receiptOf returns what a publisher learns of a message, but its streams.
func receiptOf(r *publish.Result) published {
	return published{ID: r.ID().String(), Duplicate: r.IsDuplicate()}
}

func (f *failure) detail() detail { return detail{f.code, f.message, f.field} }

// success returns the answer to a request of which something was published, or that was empty.
func success(body any) *Answer { return &Answer{Status: http.StatusOK, Body: encode(body)} }

// receipt returns the answer to a request that published one message.
func receipt(p published) *Answer {
	b := make([]byte, 0, 64+len(p.ID))
	b = append(b, `{"id":"`...)
	b = append(b, p.ID...) // has nothing to be escaped
	b = append(b, `","matched":`...)
	if p.Matched == nil {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendInt(b, int64(*p.Matched), 10)
	}
	if p.Duplicate {
		b = append(b, `,"duplicate":true`...)
	}
	return &Answer{Status: http.StatusOK, Body: append(b, "}\n"...)}
}

// answer returns the answer to a request that is refused as a whole.
func (f *failure) answer() *Answer { return f.answerWith(refusedBody{f.detail()}) }

func (f *failure) answerWith(body any) *Answer {
	a := &Answer{Status: f.code.Status(), Code: f.code, WrongKey: f.isWrong, Body: encode(body), ofMessage: f.ofMessage}
	switch f.code {
	case CodeMissingToken:
		a.Fields = []Field{{"WWW-Authenticate", `Bearer realm="hassesd"`}}
	case CodeInvalidToken:
		a.Fields = []Field{{"WWW-Authenticate", `Bearer realm="hassesd", error="invalid_token"`}}
	case CodePublishNotAllowed, CodeRoomNotAllowed:
		a.Fields = []Field{{"WWW-Authenticate", `Bearer realm="hassesd", error="insufficient_scope"`}}
	case CodeTooManyRequests, CodeOverloaded, CodeDraining:
		a.Fields = []Field{{"Retry-After", retryAfter}}
	case CodeUnsupportedMediaType:
		a.Fields = []Field{{"Accept-Encoding", "identity"}}
	case CodeBadRequest, CodeOriginNotAllowed, CodeRequestTimeout, CodeTooLarge, CodeTooManyMessages, CodeInvalidMessage, CodeKeyReused:
	}
	return a
}

// encode returns v as JSON and a newline, for people who read it in a terminal.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the answer is never taken for HTML
	if err := enc.Encode(v); err != nil {
		panic("httppublish: internal error: an answer cannot be JSON: " + err.Error())
	}
	return b.Bytes()
}
