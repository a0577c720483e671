package httppublish

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// MaxBatch is how many messages one request may have.
const MaxBatch = 100

// parseJSON reads a message or an array of them, each still to be read by parseMessage. isBatch: it
// is an array.
func parseJSON(body []byte) (list []json.RawMessage, isBatch bool, f *failure) {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 {
		return nil, false, fail(CodeBadRequest, "the body is empty; send a message as JSON")
	}
	switch trimmed[0] {
	case '{':
		if !json.Valid(trimmed) {
			return nil, false, malformedJSON(trimmed)
		}
		return []json.RawMessage{trimmed}, false, nil
	case '[':
		return parseBatch(trimmed)
	}
	if !json.Valid(trimmed) {
		return nil, false, malformedJSON(trimmed)
	}
	return nil, false, fail(CodeBadRequest, "the body is neither a JSON object nor an array of them")
}

// parseBatch reads an array, and stops when it is too long.
func parseBatch(body []byte) (list []json.RawMessage, isBatch bool, f *failure) {
	if !json.Valid(body) {
		return nil, true, malformedJSON(body)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if _, err := d.Token(); err != nil {
		return nil, true, malformedJSON(body)
	}
	for d.More() {
		if len(list) == MaxBatch {
			return nil, true, fail(CodeTooManyMessages, "the array has more than %d messages; send several requests", MaxBatch)
		}
		var one json.RawMessage
		if err := d.Decode(&one); err != nil {
			return nil, true, malformedJSON(body)
		}
		list = append(list, one)
	}
	if len(list) == 0 {
		return nil, true, fail(CodeBadRequest, "the array has no message")
	}
	return list, true, nil
}

// malformedJSON returns the refusal of a body that is not JSON, with the place.
func malformedJSON(body []byte) *failure {
	var value json.RawMessage
	err := json.Unmarshal(body, &value)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fail(CodeBadRequest, "the body is not JSON: %v, at byte %d", syntax, syntax.Offset)
	}
	return fail(CodeBadRequest, "the body is not JSON")
}

// targets is a target or an array of them.
type targets []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *targets) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		var one string
		err := json.Unmarshal(data, &one)
		*t = targets{one}
		return err
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// parseMessage reads one message: the params of "send".
func parseMessage(text json.RawMessage) (message, *failure) {
	if text[0] != '{' {
		return message{}, fail(CodeInvalidMessage, "a message is a JSON object, with to and data")
	}
	var in struct {
		To     *targets `json:"to"`
		Data   *string  `json:"data"`
		Event  string   `json:"event"`
		Except string   `json:"except"`
		Retry  int      `json:"retry"`
		Key    *string  `json:"key"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil && !errors.Is(err, io.EOF) {
		return message{}, wrongField(err)
	}
	m := message{event: in.Event, except: in.Except, retry: in.Retry}
	if in.To != nil {
		m.to = *in.To
	}
	if in.Data != nil {
		m.data, m.hasData = *in.Data, true
	}
	if in.Key != nil {
		if m.key = *in.Key; m.key == "" {
			return message{}, failField("key", "key is empty; leave it out, or use a random one for each message")
		}
	}
	return m, nil
}

// wrongField returns the refusal of a message that json could not decode.
func wrongField(err error) *failure {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		name, _, _ := strings.Cut(wrong.Field, ".")
		want := map[string]string{"to": "a string or an array of strings", "retry": "a number of milliseconds"}[name]
		if name == "" { // of targets.UnmarshalJSON, which does not know the field
			name, want = "to", "a string or an array of strings"
		}
		if want == "" {
			want = "a string"
		}
		return failField(name, "%s: want %s, got %s", name, want, wrong.Value)
	}
	text := strings.TrimPrefix(err.Error(), "json: ")
	if name, ok := strings.CutPrefix(text, "unknown field "); ok {
		return failField(strings.Trim(name, `"`), "there is no field %s; there are to, data, event, except, retry and key", name)
	}
	return fail(CodeInvalidMessage, "the message cannot be read: %s", text)
}
