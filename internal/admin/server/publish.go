package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/publish"
	"github.com/hassesd/hassesd/internal/sse"
)

// doorOf returns the door that messages of an endpoint are counted by.
func doorOf(endpoint access.Endpoint) publish.Door {
	switch endpoint {
	case access.TCP, access.TLS:
		return publish.DoorTCP
	case access.FIFO:
		return publish.DoorFIFO
	case access.Unix:
	}
	return publish.DoorUnix
}

// publish publishes a message, in the order of arrival. While it waits for the pace of the
// connection or for room, nothing is read, so that the peer waits as well.
func (c *conn) publish(p api.SendParams) (Delivery, error) {
	r := publish.Request{
		Source:  c.publisher,
		Granted: publish.Everywhere(),
		Except:  p.Except,
		Event:   sse.Event{Name: p.Event, Data: p.Data, Retry: sse.RetryOf(p.Retry)},
		Key:     p.Key,
	}
	if p.Key != "" {
		r.Publisher = c.publisherName()
	}
	for _, to := range p.To {
		target, err := names.ParseTarget(to)
		if err != nil {
			panic(fmt.Sprintf("server: internal error: the target %q was not checked: %v", to, err))
		}
		r.To = append(r.To, target)
	}
	d, err := c.messages.Publish(c.ctx, r)
	if err != nil {
		return nil, refusedMessage(err)
	}
	return d, nil
}

// publisherName returns whose the idempotency keys of the connection's messages are: the same name
// at every door that can tell publishers apart. Empty: all others at this door share theirs.
func (c *conn) publisherName() string {
	p := &c.principal
	switch {
	case p.KeyID() != "":
		return "key:" + p.KeyID()
	case p.Endpoint == access.Unix && p.Peer != nil:
		return fmt.Sprintf("uid:%d", p.Peer.Uid)
	case p.Endpoint == access.TLS && len(p.Chain) > 0:
		if conn, ok := c.out.(*tlsConn); ok {
			return "cert:" + conn.identity
		}
	}
	return ""
}

// refusedMessage returns the answer to a message that was refused with err.
func refusedMessage(err error) error {
	refused, ok := errors.AsType[*publish.Error](err)
	if !ok {
		return err
	}
	e := &api.Error{Message: refused.Message, Hint: refused.Hint}
	switch refused.Refusal {
	case publish.TooLarge:
		e.Code = api.CodeTooLarge
	case publish.Overloaded, publish.Closed, publish.LogFull, publish.LogAway:
		e.Code = api.CodeOverloaded
	case publish.NotGranted:
		e.Code = api.CodeNotAllowed
	case publish.Invalid, publish.KeyReused:
		return api.InvalidParams(refused.Hint, "%s", refused.Message)
	}
	return e
}

// matched waits for the number of streams that a message was queued for. ctx has a deadline, which
// the messages of one answer share.
func matched(ctx context.Context, d Delivery) (int, *api.Error) {
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
