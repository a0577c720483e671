// Package publish is the one way in for messages: every door calls it.
//
// A [Publisher] checks a message, keeps its source to the pace of the settings, waits while the
// event loops are behind, and gives the message its place in the order of all messages. It counts
// what became of messages, by door.
//
//	source := publish.NewSource(publish.DoorUnix, stopping)
//	result, err := publisher.Publish(ctx, publish.Request{Source: source, Granted: publish.Everywhere(), To: to, Event: event})
//	matched, err := result.Matched(ctx)
//
// Who may publish is for the door to find out: it hands in what the source is granted.
package publish

import (
	"context"
	"errors"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/sse"
)

// roomTimeout bounds how long a message waits for room while the event loops are behind.
const roomTimeout = 30 * time.Second

// Options are what a Publisher needs. All are required.
type Options struct {
	Log    eventlog.Log
	Now    func() time.Time
	Limits func() Limits // the present ones; asked for each message, from any goroutine
}

// Publisher takes messages from all doors. Its methods may be called from any goroutine.
type Publisher struct {
	log    eventlog.Log
	now    func() time.Time
	limits func() Limits
	counts counts
}

// New returns a Publisher.
func New(o Options) *Publisher {
	return &Publisher{log: o.Log, now: o.Now, limits: o.Limits}
}

// Publish gives the message its place before it returns, so messages that are published one after
// another keep their order. It waits for the pace of the source, and then for room, at most 30
// seconds and within ctx. The error is an *Error, and then nobody gets the message.
func (p *Publisher) Publish(ctx context.Context, r Request) (*Result, error) {
	result, refused := p.publish(ctx, r)
	if refused != nil {
		p.counts.refuse(r.Source.door, refused.Refusal)
		return nil, refused
	}
	p.counts.publish(r.Source.door)
	return result, nil
}

func (p *Publisher) publish(ctx context.Context, r Request) (*Result, *Error) {
	limits := p.limits()
	draft, refused := r.check(limits)
	if refused != nil {
		return nil, refused
	}
	if wait := r.Source.next(p.now(), limits.Pace, len(r.Event.Data)); wait > 0 {
		p.counts.hold(wait)
		if !r.Source.wait(ctx, wait) {
			return nil, overloaded()
		}
	}
	ctx, cancel := context.WithTimeout(ctx, roomTimeout)
	defer cancel()
	receipt, err := p.log.Append(ctx, draft)
	switch {
	case err == nil:
		return &Result{receipt}, nil
	case errors.Is(err, eventlog.ErrClosed):
		return nil, closed()
	}
	return nil, overloaded()
}

// Stats returns the figures of now. It never waits.
func (p *Publisher) Stats() Stats { return p.counts.stats() }

// Result is a message that has its place and is on its way to the streams.
type Result struct{ receipt *eventlog.Receipt }

// ID returns the message's id.
func (r *Result) ID() sse.ID { return r.receipt.ID() }

// Matched waits until every event loop of this node has looked up its streams, and returns how many
// streams the message was for. Streams of other nodes do not count. The error is that of ctx.
func (r *Result) Matched(ctx context.Context) (int, error) {
	select {
	case <-r.receipt.Done():
		return r.receipt.Matched(), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
