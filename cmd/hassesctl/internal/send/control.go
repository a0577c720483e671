package send

import (
	"context"
	"errors"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
)

// control publishes over one control connection, which it opens for the first message. A message
// with a key is sent again when the connection is lost or the daemon is overloaded; others never
// are, since they could be published twice.
type control struct {
	session *session.Session
	conn    *client.Conn // nil: none is open
	wasOpen bool         // one has been
}

// publish implements publisher.
func (c *control) publish(ctx context.Context, messages []api.SendParams) (sent []api.Sent, failed int, err error) {
	for i, message := range messages {
		one, err := c.send(ctx, message)
		for attempt := 0; err != nil && message.Key != "" && c.isWorthAgain(err) && pause(ctx, attempt, 0); attempt++ {
			one, err = c.send(ctx, message)
		}
		if err != nil {
			return sent, i, err
		}
		sent = append(sent, one)
	}
	return sent, 0, nil
}

func (c *control) isWorthAgain(err error) bool {
	return errors.Is(err, api.ErrOverloaded) || c.wasOpen && errors.Is(err, api.ErrUnreachable)
}

func (c *control) send(ctx context.Context, message api.SendParams) (api.Sent, error) {
	if c.conn == nil {
		conn, err := c.session.Dial(ctx)
		if err != nil {
			return api.Sent{}, err
		}
		c.conn, c.wasOpen = conn, true
	}
	sent, err := c.conn.Send(ctx, message)
	if errors.Is(err, api.ErrUnreachable) {
		c.close()
	}
	return sent, err
}

// close implements publisher.
func (c *control) close() {
	if c.conn != nil {
		session.HangUp(c.conn)
		c.conn = nil
	}
}
