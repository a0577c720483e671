package server

import (
	"github.com/hassesd/hassesd/internal/admin/api"
)

// role returns what the connection may do by the current rules.
func (c *conn) role() api.Role {
	p := &c.principal
	rights, access := c.rules.of(p.Endpoint)
	if p.IsJudgedBy(rights, access) {
		return p.Role()
	}
	was := p.Role()
	p.Judge(rights, access)
	role := p.Role()
	c.updateSeat()
	if was != "" && was != role {
		c.log.Info("role of a control connection changed", "was", string(was), "role", string(role))
	}
	return role
}

// updateSeat gives the connection a slot if it has a role, and has it give way to others if it has
// none.
func (c *conn) updateSeat() {
	if c.principal.Role() == api.RoleNone {
		c.roster.demote(c.seat)
		return
	}
	_ = c.roster.enter(c.seat) // without a slot it goes on until another connection wants its room
}
