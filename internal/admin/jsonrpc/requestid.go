package jsonrpc

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/creachadair/jrpc2"
)

// notifications reports which of the requests that stand on a line are notifications: those without
// an id. One whose id is null is none, and wants an answer (JSON-RPC 2.0, section 4); the library
// has an empty ID for both.
func notifications(line []byte, requests []*jrpc2.ParsedRequest) []bool {
	is := make([]bool, len(requests))
	var raw []json.RawMessage // the raw requests; nil: not split yet
	for i, r := range requests {
		if r.ID != "" || r.Error != nil {
			continue
		}
		if raw == nil {
			raw = split(line, r.Batch)
		}
		is[i] = !hasID(raw[i])
	}
	return is
}

// split returns the raw requests of a line that the library has parsed.
func split(line []byte, batch bool) []json.RawMessage {
	if !batch {
		return []json.RawMessage{line}
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(line, &raw); err != nil {
		panic(fmt.Sprintf("jsonrpc: internal error: a batch that was read is none: %v", err))
	}
	return raw
}

func hasID(request json.RawMessage) bool {
	var members map[string]json.RawMessage // a struct would take "ID" for "id"
	if err := json.Unmarshal(request, &members); err != nil {
		panic(fmt.Sprintf("jsonrpc: internal error: a request that was read is none: %v", err))
	}
	_, has := members["id"]
	return has
}

// RequestID returns the id at the beginning of a request that was too long to be kept, so that the
// caller learns which of its calls failed. Empty: the id comes later in the request.
func RequestID(head []byte) string {
	dec := json.NewDecoder(bytes.NewReader(head))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return ""
	}
	for {
		key, err := dec.Token()
		if err != nil {
			return ""
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil || dec.InputOffset() >= int64(len(head)) {
			return ""
		}
		if key == "id" {
			return validID(value)
		}
	}
}

// validID returns id if it is a number or a string.
func validID(id json.RawMessage) string {
	var v any
	if json.Unmarshal(id, &v) != nil {
		return ""
	}
	switch v.(type) {
	case float64, string:
		return string(id)
	}
	return ""
}
