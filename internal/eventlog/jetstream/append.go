package jetstream

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/sse"
)

const (
	// retryPause is the pause after a broker has refused a message.
	retryPause = 200 * time.Millisecond
	// fullPatience is for how long a message is published again that the brokers have no room for: the
	// one that leads the stream hands over to another then, which may have some.
	fullPatience = 2 * time.Second
)

// Append implements eventlog.Log. The message is acknowledged once this node has read it back.
func (l *Log) Append(ctx context.Context, d eventlog.Draft) (*eventlog.Receipt, error) {
	began := l.o.Now()
	cost := int64(min(max(d.Bytes(), leastBytes), inFlightBytes))
	if err := l.acquire(ctx, cost); err != nil {
		return nil, err
	}
	defer l.room.Release(cost)
	body := d.Encode()
	m := message{at: began, to: d.To(), except: d.Except(), body: body.Body()}
	l.mu.Lock()
	maxPayload := l.maxPayload
	l.mu.Unlock()
	if fault := tooLong(&m, maxPayload); fault != nil {
		return nil, fault
	}
	receipt, err := l.publish(ctx, kindMessage, d.Key(), func(epoch string, after uint64) []byte {
		m.epoch, m.after = epoch, after
		return m.encode()
	})
	if err == nil {
		l.mu.Lock()
		l.figures.appended(l.o.Now().Sub(began))
		l.mu.Unlock()
	}
	return receipt, err
}

// AppendKick puts a kick into the log, so that nodes that are away learn of it, too. It returns
// once this node has read it back.
func (l *Log) AppendKick(ctx context.Context, k Kick) error {
	if err := l.acquire(ctx, leastBytes); err != nil {
		return err
	}
	defer l.room.Release(leastBytes)
	r := kickRecord{at: l.o.Now(), kick: k}
	_, err := l.publish(ctx, kindKick, eventlog.Key{}, func(epoch string, after uint64) []byte {
		r.epoch, r.after = epoch, after
		return r.encode()
	})
	return err
}

// acquire waits for room among the messages in flight.
func (l *Log) acquire(ctx context.Context, cost int64) error {
	if l.room.TryAcquire(cost) {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-l.closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := l.room.Acquire(ctx, cost); err != nil {
		return l.refusal()
	}
	return nil
}

// refusal returns why a message was not appended in time.
func (l *Log) refusal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.isClosed:
		return eventlog.ErrClosed
	case l.conn == nil:
		return eventlog.ErrAway
	}
	return eventlog.ErrBusy
}

// publish appends a record and waits until it was read back. encode is called once for each epoch
// under which the record is about to be published.
func (l *Log) publish(ctx context.Context, k kind, key eventlog.Key, encode func(epoch string, after uint64) []byte) (_ *eventlog.Receipt, err error) {
	var p *pending
	var id string
	var payload []byte
	var fullSince time.Time
	patience := leastAnswer
	defer func() {
		if p == nil {
			return
		}
		l.forget(id, p)
		if p.wasSent && (errors.Is(err, eventlog.ErrBusy) || errors.Is(err, eventlog.ErrAway) || errors.Is(err, eventlog.ErrClosed)) {
			err = eventlog.ErrUnanswered
		}
	}()
	for {
		c, err := l.ready(ctx)
		if err != nil {
			return nil, err
		}
		if p == nil {
			var after uint64
			if p, id, after = l.register(key); p == nil {
				return nil, eventlog.ErrBusy
			}
			payload = encode(p.epoch, after)
		}
		msg := &nats.Msg{Subject: l.names.of(k), Data: payload, Header: nats.Header{js.MsgIDHeader: []string{id}, fromHeader: []string{p.from}}}
		if p.fingerprint != "" {
			msg.Header.Set(printHeader, p.fingerprint)
		}
		out, answered := l.send(ctx, c, p, msg, patience)
		isFull := errors.Is(out.err, eventlog.ErrFull) && !answered
		switch {
		case isFull && fullSince.IsZero():
			fullSince = l.o.Now()
		case isFull && l.o.Now().Sub(fullSince) >= fullPatience:
			return nil, out.err
		}
		if !answered {
			patience = min(2*patience, maxAnswer)
			out, answered = l.rest(ctx, p)
		}
		switch {
		case errors.Is(out.err, errEpochChanged) && !p.wasSent:
			p = nil // it is published under the new epoch
		case errors.Is(out.err, errEpochChanged):
			// It may be in the log before the change, or not at all. Only its publisher may decide
			// to publish it again.
			return nil, eventlog.ErrUnanswered
		case answered:
			return out.receipt, out.err
		}
	}
}

// rest pauses before a message is sent again. It reports whether its answer has come meanwhile.
func (l *Log) rest(ctx context.Context, p *pending) (out outcome, answered bool) {
	select {
	case <-time.After(retryPause):
	case out = <-p.done:
		return out, true
	case <-ctx.Done():
	case <-l.closed:
	}
	return outcome{}, false
}

// send publishes once and waits: for the record to be read back, for a refusal, or for the end of
// the session. It reports whether that was the answer; if not, the message is to be sent again.
func (l *Log) send(ctx context.Context, c *conn, p *pending, msg *nats.Msg, patience time.Duration) (out outcome, answered bool) {
	select {
	case out = <-p.done: // while there was no session
		return out, true
	default:
	}
	again := c.sendAgain()
	ack, err := c.js.PublishMsgAsync(msg)
	if err != nil {
		return outcome{}, false
	}
	wasSent := p.wasSent
	p.wasSent = true
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case stored := <-ack.Ok():
		if stored.Duplicate {
			l.findDuplicate(c, p, msg.Header.Get(js.MsgIDHeader), stored.Sequence)
		}
	case out = <-p.done:
		return out, true
	case <-c.ctx.Done():
		return outcome{}, false
	case err := <-ack.Err():
		if errors.Is(err, js.ErrNoStreamResponse) {
			p.wasSent = wasSent // the broker knows nobody who takes messages for the stream
		}
		return l.notTaken(err), false
	case <-again:
		return outcome{}, false
	case <-timer.C:
		return outcome{}, false
	case <-ctx.Done():
		return outcome{err: l.refusal()}, true
	case <-l.closed:
		return outcome{err: eventlog.ErrClosed}, true
	}
	select { // it is stored, and is about to be read
	case out = <-p.done:
		return out, true
	case err := <-ack.Err():
		return l.notTaken(err), false
	case <-c.ctx.Done():
	case <-again:
	case <-timer.C:
	case <-ctx.Done():
		return outcome{err: l.refusal()}, true
	case <-l.closed:
		return outcome{err: eventlog.ErrClosed}, true
	}
	return outcome{}, false
}

// ready waits for the connection of a session that has caught up.
func (l *Log) ready(ctx context.Context) (*conn, error) {
	for {
		l.mu.Lock()
		c, changed, isClosed := l.conn, l.changed, l.isClosed
		l.mu.Unlock()
		switch {
		case isClosed:
			return nil, eventlog.ErrClosed
		case ctx.Err() != nil:
			return nil, eventlog.ErrAway
		case c != nil && c.ctx.Err() == nil:
			return c, nil
		case c != nil:
			changed = nil // its end is about to be noticed
		}
		var again <-chan time.Time
		if changed == nil {
			again = time.After(firstPause)
		}
		select {
		case <-changed:
		case <-again:
		case <-l.closed:
		case <-ctx.Done():
		}
	}
}

// findDuplicate answers a message with a key that the log has had for longer than this node waits
// for it. The record is not read back then: it was read before.
func (l *Log) findDuplicate(c *conn, p *pending, id string, seq uint64) {
	l.mu.Lock()
	isRead := l.position.Epoch == p.epoch && l.position.Seq >= seq
	l.mu.Unlock()
	if !isRead {
		return // it is about to be read
	}
	ctx, cancel := context.WithTimeout(c.ctx, l.patience())
	defer cancel()
	stream, err := c.js.Stream(ctx, l.names.stream)
	if err != nil {
		return
	}
	msg, err := stream.GetMsg(ctx, seq)
	if err != nil || msg.Header.Get(js.MsgIDHeader) != id {
		return
	}
	if own := l.take(id); own != nil {
		own.done <- duplicateOf(own, sse.ID{Epoch: own.epoch, Seq: seq}, msg.Header.Get(printHeader))
	}
}
