package server

import (
	"fmt"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
)

// authorize gives the connection the role of the key that secret is, if that is greater than its
// own, for as long as the key is valid.
func (c *conn) authorize(secret string) (api.Authorized, error) {
	if c.principal.Endpoint == access.FIFO {
		return api.Authorized{}, &api.Error{Code: api.CodeNotAllowed, Message: "the FIFO takes no keys", Hint: "use the Unix socket or TCP"}
	}
	if c.wrongKeys >= maxWrongKeys { // later in a batch
		return api.Authorized{}, c.wrongKey()
	}
	c.wait(c.attempts.Delay(time.Now(), c.source))
	c.role() // applies the current rules
	k, ok := c.principal.FindKey(secret)
	if !ok {
		c.wrongKeys++
		c.attempts.RecordWrong(time.Now(), c.source)
		return api.Authorized{}, c.wrongKey()
	}
	if err := c.roster.enter(c.seat); err != nil {
		return api.Authorized{}, &api.Error{Code: api.CodeOverloaded, Message: err.Error(), Hint: "try again"}
	}
	c.principal.Show(k)
	c.log.Info("control connection authorized", "key", k.ID, "role", string(c.principal.Role()))
	return api.Authorized{Key: k.ID, Role: c.principal.Role()}, nil
}

func (c *conn) wrongKey() *api.Error {
	e := &api.Error{
		Code:    api.CodeNotAllowed,
		Message: "no key of the daemon is like this one",
		Hint:    "keys are in [[control.key]] of its configuration, and are read when it starts or reloads",
		Reason:  api.RefusedKey,
	}
	if c.wrongKeys >= maxWrongKeys {
		e.Message += fmt.Sprintf("; after %d wrong ones the connection is closed", maxWrongKeys)
	}
	return e
}
