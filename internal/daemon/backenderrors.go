package daemon

import (
	"github.com/hassesd/hassesd/internal/admin/api"
)

// codeInternal is JSON-RPC's own internal error: the request was right, but could not be carried
// out.
const codeInternal = -32603

// invalid returns the error of invalid parameters.
func invalid(message, hint string) error {
	const invalidParams = -32602
	return &api.Error{Code: invalidParams, Message: message, Hint: hint}
}

// busy returns the error that the loops did not answer in time.
func busy(err error) error {
	return &api.Error{Code: api.CodeOverloaded, Message: "the event loops did not answer: " + err.Error(), Hint: "try again"}
}
