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
	"github.com/hassesd/hassesd/internal/idempotency"
	"github.com/hassesd/hassesd/internal/sse"
)

// roomTimeout bounds how long a message waits for room while the event loops are behind.
const roomTimeout = 30 * time.Second

// Options are what a Publisher needs. All but Keys are required.
type Options struct {
	Log    eventlog.Log
	Now    func() time.Time
	Limits func() Limits      // the present ones; asked for each message, from any goroutine
	Keys   *idempotency.Table // nil: keys have no effect
}

// Publisher takes messages from all doors. Its methods may be called from any goroutine.
type Publisher struct {
	log    eventlog.Log
	atOnce trier // the log, if it is one; nil: only Publish works
	now    func() time.Time
	limits func() Limits
	keys   *idempotency.Table // nil: none
	counts counts

	ending ending
}

// New returns a Publisher.
func New(o Options) *Publisher {
	p := &Publisher{log: o.Log, now: o.Now, limits: o.Limits, keys: o.Keys}
	p.atOnce, _ = o.Log.(trier)
	p.ending = newEnding()
	return p
}

// Publish gives the message its place before it returns, so messages that are published one after
// another keep their order. It waits for the pace of the source, and then for room, at most 30
// seconds, within ctx, and less after StopWaiting. The error is an *Error, and then nobody gets the
// message, unless the log is elsewhere and has not answered.
func (p *Publisher) Publish(ctx context.Context, r Request) (*Result, error) {
	result, refused := p.publish(ctx, r)
	return p.counted(r.Source.door, result, refused)
}

// counted counts what became of a message.
func (p *Publisher) counted(door Door, result *Result, refused *Error) (*Result, error) {
	switch {
	case refused != nil:
		p.counts.refuse(door, refused.Refusal)
		return nil, refused
	case result.duplicate:
		p.counts.repeat(door)
	default:
		p.counts.publish(door)
	}
	return result, nil
}

func (p *Publisher) publish(ctx context.Context, r Request) (*Result, *Error) {
	limits := p.limits()
	draft, refused := r.check(limits)
	if refused != nil {
		return nil, refused
	}
	if r.Key == "" || p.keys == nil {
		receipt, refused := p.append(ctx, r.Source, draft, limits.Pace)
		return &Result{receipt: receipt}, refused
	}
	key := idempotency.KeyOf(r.publisher(), r.Key, r.Part)
	fingerprint := idempotency.FingerprintOf(r.message())
	claim, earlier, err := p.keys.Claim(ctx, key, fingerprint)
	switch {
	case errors.Is(err, idempotency.ErrMismatch):
		return nil, keyReused()
	case err != nil:
		return nil, overloaded()
	case earlier != nil:
		return &Result{receipt: earlier, duplicate: true}, nil
	}
	draft.SetKey(eventlog.Key{ID: key.String(), Fingerprint: fingerprint.String()})
	var receipt *eventlog.Receipt
	defer func() { settle(claim, receipt) }()
	receipt, refused = p.append(ctx, r.Source, draft, limits.Pace)
	if refused != nil {
		return nil, refused
	}
	return &Result{receipt: receipt, duplicate: receipt.IsDuplicate()}, nil
}

// settle ends a claim: receipt is nil if the message was not published. Callers defer it, because a
// key that a panic leaves claimed would let all who send the message again wait.
func settle(claim *idempotency.Claim, receipt *eventlog.Receipt) {
	if receipt == nil {
		claim.Release()
		return
	}
	claim.Publish(receipt)
}

// append gives a message its place, once the pace of its source allows it and there is room.
func (p *Publisher) append(ctx context.Context, source *Source, draft eventlog.Draft, pace Pace) (*eventlog.Receipt, *Error) {
	if wait := source.next(p.now(), pace, draft.Bytes()); wait > 0 {
		p.counts.hold(wait)
		if !source.wait(ctx, wait, p.ending.begun.Done()) {
			source.undoNext(pace, draft.Bytes()) // or publishers who give up would delay one another without end
			return nil, overloaded()
		}
	}
	receipt, err := p.appendWithin(ctx, draft)
	if err != nil {
		return nil, notAppended(err)
	}
	return receipt, nil
}

// notAppended returns the refusal of a message that the log did not take.
func notAppended(err error) *Error {
	switch {
	case errors.Is(err, eventlog.ErrClosed):
		return closed()
	case errors.Is(err, eventlog.ErrOtherMessage):
		return keyReused()
	case errors.Is(err, eventlog.ErrFull):
		return logFull()
	case errors.Is(err, eventlog.ErrAway):
		return away()
	case errors.Is(err, eventlog.ErrUnanswered):
		return unanswered()
	}
	if long, ok := errors.AsType[*eventlog.TooLongError](err); ok {
		return tooLong(long)
	}
	return overloaded()
}

// appendWithin waits for room, but not for longer than roomTimeout. Where there is room, it makes no
// deadline, which costs as much as the rest.
func (p *Publisher) appendWithin(ctx context.Context, draft eventlog.Draft) (*eventlog.Receipt, error) {
	if p.atOnce != nil {
		if receipt, err := p.atOnce.TryAppend(draft); receipt != nil || err != nil {
			return receipt, err
		}
	}
	ctx, release := p.ending.waiting(ctx)
	defer release()
	ctx, cancel := context.WithTimeout(ctx, roomTimeout)
	defer cancel()
	return p.log.Append(ctx, draft)
}

// Stats returns the figures of now. It never waits.
func (p *Publisher) Stats() Stats { return p.counts.stats() }

// Result is a message that has its place and is on its way to the streams.
type Result struct {
	receipt   *eventlog.Receipt
	duplicate bool
}

// IsDuplicate reports whether the message was published before, under the same key.
func (r *Result) IsDuplicate() bool { return r.duplicate }

// ID returns the message's id.
func (r *Result) ID() sse.ID { return r.receipt.ID() }

// Done returns a channel that is closed once Matched does not wait any more.
func (r *Result) Done() <-chan struct{} { return r.receipt.Done() }

// Notify has fn called once every event loop has looked up its streams, on one of these loops, so fn
// must only signal. It returns false, and does not call fn, if they have already. It may be called
// once for a result of TryPublish.
func (r *Result) Notify(fn func()) bool { return !r.duplicate && r.receipt.Notify(fn) }

// Counted returns how many streams have been counted so far. That is what Matched returns once
// Notify has called its function, or returned false.
func (r *Result) Counted() int { return r.receipt.Matched() }

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
