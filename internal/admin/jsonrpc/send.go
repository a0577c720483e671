package jsonrpc

import (
	"encoding/json"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// SendParams are the parameters of "send" as they come. Unlike [api.SendParams] they show whether
// data is there: a message that lost its text on the way is not sent, while an empty text is.
type SendParams struct {
	To     json.RawMessage `json:"to"`
	Except string          `json:"except"`
	Event  string          `json:"event"`
	Data   *string         `json:"data"`
	Retry  int             `json:"retry"`
	Key    string          `json:"key"`
}

func (SendParams) hint() string { return api.SendHint }

// Check returns an error unless p is a message.
func (p SendParams) Check() *api.Error {
	var to api.Targets
	switch {
	case len(p.To) == 0 || string(p.To) == "null":
		return api.InvalidParams(api.SendHint, "to is missing")
	case json.Unmarshal(p.To, &to) != nil:
		return api.InvalidParams(api.SendHint, "to: want a string or an array of strings")
	case p.Data == nil:
		return api.InvalidParams(api.SendHint, "data is missing")
	}
	return p.Message().Check()
}

// Message returns the message that p is, which [SendParams.Check] must have found good.
func (p SendParams) Message() api.SendParams {
	m := api.SendParams{Except: p.Except, Event: p.Event, Retry: p.Retry, Key: p.Key}
	if json.Unmarshal(p.To, &m.To) != nil || p.Data == nil {
		return m
	}
	m.Data = *p.Data
	return m
}
