package server

import (
	"fmt"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// notForRole returns the answer to a command that needs a greater role than the connection has.
func notForRole(name string, needed, has api.Role) *api.Error {
	return &api.Error{
		Code:    api.CodeNotAllowed,
		Message: fmt.Sprintf("%s needs the role %s, and this connection has %s", name, needed, has),
		Hint:    "use a door, a user or a certificate that has the role, or show a key that gives it (auth KEY, hassesctl --auth-key-file)",
	}
}

// refusalOf returns the counter of an error.
func refusalOf(e *api.Error) api.Refusal {
	if e.Reason != "" {
		return e.Reason
	}
	switch e.Code {
	case api.CodeParse, api.CodeInvalidRequest:
		return api.RefusedSyntax
	case api.CodeMethodNotFound:
		return api.RefusedMethod
	case api.CodeInvalidParams:
		return api.RefusedParams
	case api.CodeNotAllowed:
		return api.RefusedRole
	case api.CodeTooLarge:
		return api.RefusedTooLarge
	case api.CodeOverloaded:
		return api.RefusedOverload
	case api.CodeNotFound:
		return api.RefusedNotFound
	}
	return api.RefusedInternal
}

// errNoRoom returns the answer to a command for which there is no memory.
func errNoRoom() *api.Error {
	return &api.Error{
		Code:    api.CodeOverloaded,
		Message: "unfinished commands of all connections hold all the memory there is for them",
		Hint:    "try again a little later",
	}
}
