package server

import (
	"context"
	"errors"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/sse"
)

// publish gives a message to the Backend, in the order of arrival.
func (c *conn) publish(p api.SendParams) (Delivery, error) {
	var fault *sse.EventError
	if err := (sse.Event{Name: p.Event, Retry: sse.RetryOf(p.Retry)}).Check(); errors.As(err, &fault) {
		return nil, api.InvalidParams(fault.Hint, "%s", fault)
	}
	if limit := c.maxMessage(); len(p.Data) > limit {
		return nil, tooLarge(len(p.Data), limit)
	}
	c.keepPace(len(p.Data))
	ctx, cancel := context.WithTimeout(c.ctx, publishTimeout)
	defer cancel()
	return c.backend.Publish(ctx, p)
}

// matched waits for the number of streams that a message was queued for.
func matched(ctx context.Context, d Delivery) (int, *api.Error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	n, err := d.Matched(ctx)
	if err != nil {
		return 0, &api.Error{
			Code:    api.CodeOverloaded,
			Message: "message " + d.ID() + " was taken, but its streams were not counted in time",
			Hint:    "do not send it again",
		}
	}
	return n, nil
}

// keepPace waits until a message may be published. Meanwhile nothing is read, so that the publisher waits as well; when
// the server stops, what has arrived is no longer held.
func (c *conn) keepPace(bytes int) {
	d := c.pacer.next(time.Now(), c.pace(), bytes)
	if d <= 0 {
		return
	}
	c.held.add(d)
	c.wait(d)
}
