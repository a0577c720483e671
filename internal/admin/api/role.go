package api

import (
	"fmt"
)

// Role is what a control connection may do.
type Role string

// The roles, each including the ones before it.
const (
	RoleNone    Role = "none" // may only show a key
	RoleRead    Role = "read"
	RolePublish Role = "publish"
	RoleAdmin   Role = "admin"
)

// Includes reports whether a connection of role r may do what needs role needed.
func (r Role) Includes(needed Role) bool { return r.rank() >= needed.rank() }

func (r Role) rank() int {
	switch r {
	case RoleNone:
		return 0
	case RoleRead:
		return 1
	case RolePublish:
		return 2
	case RoleAdmin:
		return 3
	}
	panic(fmt.Sprintf("api: internal error: role %q", string(r)))
}
