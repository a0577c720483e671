package admin

import (
	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
)

// rules returns what connections of a door are judged by now.
func (s *Server) rules(endpoint access.Endpoint) (*access.Rights, *access.MutualTLS) {
	if endpoint != access.TLS {
		return s.rights.Load(), nil
	}
	return s.rights.Load(), s.access.Load()
}

// role is what the connection may do now.
func (c *conn) role() api.Role {
	p := &c.principal
	rights, access := c.server.rules(p.Endpoint)
	if p.IsJudgedBy(rights, access) {
		return p.Role()
	}
	was := p.Role()
	p.Judge(rights, access)
	role := p.Role()
	c.setStranger(role == api.RoleNone)
	if was != "" && was != role {
		c.log.Info("role of a control connection changed", "was", string(was), "role", string(role))
	}
	return role
}

// setStranger says whether the connection has to give way when others want its place.
func (c *conn) setStranger(is bool) {
	if !is {
		_ = c.server.enter(c) // without a place it goes on, as long as nobody wants its room
		return
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.isStranger = true
}
