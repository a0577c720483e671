package jsonrpc

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/creachadair/jrpc2"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// maxBatch bounds the requests in one array.
const maxBatch = 256

// Request is one request of a line.
type Request struct {
	ID             string // JSON; empty: null
	IsNotification bool   // wants no answer
	Method         string
	Params         json.RawMessage
	Invalid        *api.Error // not nil: it is JSON, but not a request
}

// Parse reads the requests on a line. isBatch reports whether they stand in an array: so must their
// answers.
func Parse(line []byte) (requests []Request, isBatch bool, e *api.Error) {
	if !utf8.Valid(line) {
		return nil, false, &api.Error{Code: api.CodeParse, Message: "parse error: not UTF-8", Hint: "requests are UTF-8"}
	}
	parsed, err := jrpc2.ParseRequests(line)
	if err != nil {
		return nil, false, &api.Error{Code: api.CodeParse, Message: "parse error: not JSON", Hint: "one JSON object a line"}
	}
	if len(parsed) == 0 || len(parsed) > maxBatch {
		return nil, false, &api.Error{
			Code:    api.CodeInvalidRequest,
			Message: fmt.Sprintf("a batch of %d requests", len(parsed)),
			Hint:    fmt.Sprintf("a batch has 1 to %d", maxBatch),
		}
	}
	notify := notifications(line, parsed)
	for i, r := range parsed {
		requests = append(requests, Request{ID: r.ID, IsNotification: notify[i], Method: r.Method, Params: r.Params, Invalid: invalid(r)})
	}
	return requests, parsed[0].Batch, nil
}

// invalid returns what is wrong with something that is JSON, but not a request; nil: nothing.
func invalid(r *jrpc2.ParsedRequest) *api.Error {
	const hint = `a request is {"jsonrpc":"2.0","id":1,"method":"status","params":{}}`
	switch {
	case r.Error != nil:
		return &api.Error{Code: api.CodeInvalidRequest, Message: "invalid request: " + r.Error.Message, Hint: hint}
	case r.Method == "":
		return &api.Error{Code: api.CodeInvalidRequest, Message: "invalid request: no method", Hint: hint}
	}
	return nil
}
