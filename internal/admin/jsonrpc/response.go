package jsonrpc

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/creachadair/jrpc2"

	"github.com/hassesd/hassesd/internal/admin/api"
)

type response struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Error   *responseError  `json:"error,omitempty"`
}

type responseError struct {
	Code    int           `json:"code"`
	Message string        `json:"message"`
	Data    api.ErrorData `json:"data"`
}

// Result returns the answer with a result, without the line's end.
func Result(id string, result any) []byte {
	text, err := encode(response{ID: responseID(id), Result: result})
	if err != nil {
		return Error(id, api.AsError(err))
	}
	return text
}

// Error returns the answer with an error, without the line's end.
func Error(id string, e *api.Error) []byte {
	text, err := encode(response{
		ID:    responseID(id),
		Error: &responseError{Code: e.Code, Message: e.Message, Data: api.ErrorData{Hint: e.Hint}},
	})
	if err != nil {
		panic(fmt.Sprintf("jsonrpc: internal error: encode an error: %v", err))
	}
	return text
}

func encode(r response) ([]byte, error) {
	r.Version = jrpc2.Version
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func responseID(id string) json.RawMessage {
	if id == "" {
		return json.RawMessage("null")
	}
	return json.RawMessage(id)
}
