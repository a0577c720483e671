package api

import (
	"bytes"
	"encoding/json"
)

// SendParams is a message.
type SendParams struct {
	To     Targets `json:"to"`
	Except string  `json:"except,omitempty"` // client id that does not get it
	Event  string  `json:"event,omitempty"`
	Data   string  `json:"data"`
	Retry  int     `json:"retry,omitempty"` // milliseconds, at most sse.MaxRetry
	Key    string  `json:"key,omitempty"`   // makes it safe to send the message again; empty: none
}

// Targets is a room, "prefix*" or "*", or a list of them; in JSON a string or an array of strings.
type Targets []string

// MarshalJSON writes a single target as a string.
func (t Targets) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // or an encoder around this one could not have it otherwise
	var err error
	if len(t) == 1 {
		err = enc.Encode(t[0])
	} else {
		err = enc.Encode([]string(t))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// UnmarshalJSON takes a string or an array of strings.
func (t *Targets) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var one string
		err := json.Unmarshal(data, &one)
		*t = Targets{one}
		return err
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// Sent is the result of "send".
type Sent struct {
	ID      string `json:"id"`
	Matched int    `json:"matched"` // streams it was queued for

	Duplicate bool `json:"duplicate,omitempty"` // it was published before, under the same key
}
