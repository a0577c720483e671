package server

import (
	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
)

// Bounds of commands other than messages, in bytes.
const (
	// maxUnprivilegedLine is the longest of a connection without a role: a key with all around it.
	maxUnprivilegedLine = 4 << 10
	// maxRequest is the longest of any other, and what a request may have beside its message.
	maxRequest = 64 << 10
)

// newLineHold returns the connection's part of the budget.
func (c *conn) newLineHold() *lineHold {
	h := &lineHold{budget: &c.unfinished, stop: c.roster.stopping}
	if c.seat.endpoint != access.FIFO { // its end would end all of its writers
		h.evict = func() {
			c.refusals.cutOff(c.log, api.RefusedUnfinished)
			c.abort()
		}
	}
	return h
}

// lineLimit returns how long the next command may be. longest is the limit for publishers: only
// they send messages.
func (c *conn) lineLimit(longest int) int {
	switch c.role() {
	case api.RoleNone:
		return min(longest, maxUnprivilegedLine)
	case api.RoleRead:
		return min(longest, maxRequest)
	case api.RolePublish, api.RoleAdmin:
	}
	return longest
}

// tooLong returns the error for a command over the limit, if the role is the reason; otherwise nil.
func (c *conn) tooLong() *api.Error {
	switch role := c.role(); role {
	case api.RoleNone:
		return notForRole("so long a command", api.RoleRead, role)
	case api.RoleRead:
		return notForRole("so long a command", api.RolePublish, role)
	case api.RolePublish, api.RoleAdmin:
	}
	return nil
}
