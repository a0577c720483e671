package send

import (
	"context"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
)

// control publishes over one control connection, which it opens for the first message.
type control struct {
	session *session.Session
	conn    *client.Conn // nil: none is open
}

func newControl(s *session.Session) *control { return &control{session: s} }

func (c *control) publish(ctx context.Context, params api.SendParams) (api.Sent, error) {
	if c.conn == nil {
		conn, err := c.session.Dial(ctx)
		if err != nil {
			return api.Sent{}, err
		}
		c.conn = conn
	}
	return c.conn.Send(ctx, params)
}

func (c *control) close() {
	if c.conn != nil {
		session.HangUp(c.conn)
	}
}
