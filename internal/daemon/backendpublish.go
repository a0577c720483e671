package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/publish"
	"github.com/hassesd/hassesd/internal/sse"
)

// Publish implements server.Backend.
func (b *backend) Publish(ctx context.Context, p api.SendParams) (server.Delivery, error) {
	r := publish.Request{
		Source:  publish.NewSource(publish.DoorUnix, nil), // the control server keeps its connections to their pace
		Granted: publish.Everywhere(),
		Except:  p.Except,
		Event:   sse.Event{Name: p.Event, Data: p.Data, Retry: sse.RetryOf(p.Retry)},
	}
	for _, to := range p.To {
		target, err := names.ParseTarget(to)
		if err != nil {
			return nil, invalid(fmt.Sprintf("to %s", err), "")
		}
		r.To = append(r.To, target)
	}
	result, err := b.publisher.Publish(ctx, r)
	if err != nil {
		return nil, refusedMessage(err)
	}
	return delivery{result}, nil
}

// delivery is a message on its way through the loops.
type delivery struct{ *publish.Result }

// ID implements server.Delivery.
func (d delivery) ID() string { return d.Result.ID().String() }

// Matched implements server.Delivery.
func (d delivery) Matched(ctx context.Context) (int, error) {
	n, err := d.Result.Matched(ctx)
	if err != nil {
		return 0, busy(err)
	}
	return n, nil
}

// refusedMessage returns what is wrong with a message as an error of the control protocol.
func refusedMessage(err error) error {
	refused, ok := errors.AsType[*publish.Error](err)
	if !ok {
		panic("daemon: internal error: publish: " + err.Error())
	}
	switch refused.Refusal {
	case publish.TooLarge:
		return &api.Error{Code: api.CodeTooLarge, Message: refused.Message, Hint: refused.Hint}
	case publish.Overloaded, publish.Closed:
		return &api.Error{Code: api.CodeOverloaded, Message: refused.Message, Hint: refused.Hint}
	case publish.NotGranted:
		return &api.Error{Code: api.CodeNotAllowed, Message: refused.Message, Hint: refused.Hint}
	case publish.Invalid:
	}
	return invalid(refused.Message, refused.Hint)
}
