package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
)

// conn is one connection to a broker.
type conn struct {
	// Fixed after creation.
	url    string // of the broker
	nc     *nats.Conn
	js     js.JetStream
	ctx    context.Context // ends with the session
	cancel context.CancelCauseFunc

	mu sync.Mutex
	// Guarded by mu.
	again chan struct{} // closed when messages have to be sent again
}

// connectTo connects to one broker. The connection does not mend itself: nothing that was
// published on it may go out before the stream was looked at again.
func connectTo(parent context.Context, o *Options, url string) (*conn, error) {
	options, hand, err := o.connectOptions(url)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(parent)
	options = append(options,
		nats.SetCustomDialer(dialer{parent}),
		nats.ClosedHandler(func(nc *nats.Conn) {
			err := errClosedByPeer
			if last := nc.LastError(); last != nil {
				err = fmt.Errorf("%w: %w", errClosedByPeer, last)
			}
			cancel(err)
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			o.Logger.Debug("the broker reports an error", "err", err)
			if errors.Is(err, nats.ErrSlowConsumer) || errors.Is(err, nats.ErrPermissionViolation) {
				cancel(err)
			}
		}),
	)
	nc, err := nats.Connect(url, options...)
	if err != nil {
		cancel(err)
		return nil, connectError(err, hand.isTrusted.Load())
	}
	stream, err := js.New(nc, js.WithPublishAsyncTimeout(2*maxAnswer), js.WithPublishAsyncMaxPending(4*inFlightBytes/leastBytes))
	if err != nil {
		nc.Close()
		cancel(err)
		return nil, err
	}
	return &conn{url: url, nc: nc, js: stream, ctx: ctx, cancel: cancel, again: make(chan struct{})}, nil
}

// resend has all messages sent again that wait for their answer. It does no harm if they have come:
// they have an id.
func (c *conn) resend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.again)
	c.again = make(chan struct{})
}

// sendAgain returns a channel that resend closes.
func (c *conn) sendAgain() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.again
}
