package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/sse"
)

const (
	// inFlightBytes bounds the messages that are being appended, in bytes; each counts as
	// leastBytes at least, so that there are 1,024 at most.
	inFlightBytes = 64 << 20
	leastBytes    = 64 << 10
	// leastAnswer is when a message that was not read back is published again, with the same id, if
	// nothing tells sooner that it must be; then after twice that, up to maxAnswer.
	leastAnswer = 2 * time.Second
	maxAnswer   = 5 * time.Second
	// retryPause is the pause after a broker has refused a message.
	retryPause = 200 * time.Millisecond
	// fullPatience is for how long a message is published again that the brokers have no room for: the
	// one that leads the stream hands over to another then, which may have some.
	fullPatience = 2 * time.Second
)

// errEpochChanged means that the log has another epoch than when the message was published. Whether
// it was stored before that cannot be known.
var errEpochChanged = errors.New("the epoch of the log has changed")

// pending is a record that was published here and was not read back.
type pending struct {
	epoch       string
	from        string       // tells it from a record of the same id that another node has published
	fingerprint string       // see eventlog.Key
	since       time.Time    // when it was first about to be published
	done        chan outcome // has room for one
	wasSent     bool         // it may be in the log; owned by its publisher

	isOver bool // its publisher has left; guarded by Log.mu
}

// outcome is what became of it.
type outcome struct {
	receipt *eventlog.Receipt
	err     error
}

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
	if fault := l.tooLong(&m); fault != nil {
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
	case l.session == nil:
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
		s, err := l.ready(ctx)
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
		out, answered := l.send(ctx, s, p, msg, patience)
		isFull := errors.Is(out.err, eventlog.ErrFull)
		switch {
		case errors.Is(out.err, errEpochChanged):
			// It may be in the log before the change, or not at all. Only its publisher may decide
			// to publish it again.
			return nil, eventlog.ErrUnanswered
		case answered:
			return out.receipt, out.err
		case isFull && fullSince.IsZero():
			fullSince = l.o.Now()
		case isFull && l.o.Now().Sub(fullSince) >= fullPatience:
			return nil, out.err
		}
		patience = min(2*patience, maxAnswer)
		select {
		case <-time.After(retryPause):
		case out := <-p.done:
			switch {
			case errors.Is(out.err, errEpochChanged) && !p.wasSent:
				p = nil // it is published under the new epoch
			case errors.Is(out.err, errEpochChanged):
				return nil, eventlog.ErrUnanswered
			default:
				return out.receipt, out.err
			}
		case <-ctx.Done():
		case <-l.closed:
		}
	}
}

// send publishes once and waits: for the record to be read back, for a refusal, or for the end of
// the session. It reports whether that was the answer; if not, the message is to be sent again.
func (l *Log) send(ctx context.Context, s *session, p *pending, msg *nats.Msg, patience time.Duration) (out outcome, answered bool) {
	again := s.sendAgain()
	ack, err := s.js.PublishMsgAsync(msg)
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
			s.findDuplicate(p, msg.Header.Get(js.MsgIDHeader), stored.Sequence)
		}
	case out = <-p.done:
		return out, true
	case <-s.ctx.Done():
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
	case <-s.ctx.Done():
	case <-again:
	case <-timer.C:
	case <-ctx.Done():
		return outcome{err: l.refusal()}, true
	case <-l.closed:
		return outcome{err: eventlog.ErrClosed}, true
	}
	return outcome{}, false
}

// ready waits for a session that has caught up.
func (l *Log) ready(ctx context.Context) (*session, error) {
	for {
		l.mu.Lock()
		s, changed, isClosed := l.session, l.changed, l.isClosed
		l.mu.Unlock()
		switch {
		case isClosed:
			return nil, eventlog.ErrClosed
		case ctx.Err() != nil:
			return nil, eventlog.ErrAway
		case s != nil && s.ctx.Err() == nil:
			return s, nil
		case s != nil:
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

// register makes a record known that is about to be published, so that it is recognised when it is
// read. Its id holds the epoch: published under another one, it is another record. It returns nil
// if one of the same key is on its way.
func (l *Log) register(key eventlog.Key) (p *pending, id string, after uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.number++
	p = &pending{
		epoch: l.position.Epoch, from: l.o.Node + "-" + l.o.Boot + "-" + strconv.FormatUint(l.number, 36),
		fingerprint: key.Fingerprint, since: l.o.Now(), done: make(chan outcome, 1),
	}
	id = p.from + "." + p.epoch
	if key.ID != "" {
		id = "k-" + key.ID + "." + p.epoch
	}
	if l.pending[id] != nil {
		return nil, "", 0
	}
	l.pending[id] = p
	return p, id, l.position.Seq
}

// forget is the end of a publisher's wait.
func (l *Log) forget(id string, p *pending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.isOver = true
	if l.pending[id] == p {
		delete(l.pending, id)
	}
}

// take returns the record of that id if it was published here and waits to be read back.
func (l *Log) take(id string) *pending {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.pending[id]
	delete(l.pending, id)
	return p
}

// What a record has in its header beside its id.
const (
	fromHeader  = "Hassesd-From"  // which attempt of which node it is
	printHeader = "Hassesd-Print" // of a message with a key: its fingerprint
)

// findDuplicate answers a message with a key that the log has had for longer than this node waits
// for it. The record is not read back then: it was read before.
func (s *session) findDuplicate(p *pending, id string, seq uint64) {
	l := s.l
	l.mu.Lock()
	isRead := l.position.Epoch == p.epoch && l.position.Seq >= seq
	l.mu.Unlock()
	if !isRead {
		return // it is about to be read
	}
	ctx, cancel := s.ask()
	defer cancel()
	stream, err := s.js.Stream(ctx, l.names.stream)
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

// duplicateOf returns what a publisher is told whose message the log has from another attempt.
func duplicateOf(p *pending, id sse.ID, fingerprint string) outcome {
	if p.fingerprint != fingerprint {
		return outcome{err: eventlog.ErrOtherMessage}
	}
	return outcome{receipt: eventlog.NewDuplicateReceipt(id)}
}

// restore undoes take, unless the publisher has left, or is back with another attempt.
func (l *Log) restore(id string, p *pending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p != nil && !p.isOver && l.pending[id] == nil {
		l.pending[id] = p
	}
}

// abandon answers what was published under another epoch than the current one. It is called after
// moved, so that nothing is registered under the former epoch any more.
func (l *Log) abandon(epoch string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, p := range l.pending {
		if p.epoch != epoch {
			delete(l.pending, id)
			p.done <- outcome{err: errEpochChanged}
		}
	}
}

// overhead is what a record has beside body and targets, and its message beside the record.
const overhead = 1 << 10

// tooLong returns an *eventlog.TooLongError if no broker would take the record.
func (l *Log) tooLong(m *message) error {
	l.mu.Lock()
	limit := l.maxPayload
	l.mu.Unlock()
	if limit == 0 {
		return nil
	}
	size := len(m.body) + overhead
	for _, t := range m.to {
		size += len(t.Name) + len("*") + 3
	}
	if int64(size) > limit {
		return &eventlog.TooLongError{Size: size, Limit: int(limit)}
	}
	return nil
}

// MaxRecord returns the length of the longest record of a message with so many bytes of data, if
// its lines are not short: each line adds six bytes.
func MaxRecord(messageBytes int) int {
	return messageBytes + messageBytes/8 + overhead + maxTargetBytes
}

// maxTargetBytes is about what the targets of a message take: a thousand of usual length.
const maxTargetBytes = 32 << 10

// CheckPayload returns an error if a broker's max_payload does not allow messages as long as the
// settings do.
func CheckPayload(maxPayload int64, messageBytes int) error {
	if need := MaxRecord(messageBytes); int64(need) > maxPayload {
		return fmt.Errorf("limits.message_bytes is %d, for which records of up to %d bytes are needed, and the broker's max_payload is %d: lower limits.message_bytes, or raise max_payload on every broker", messageBytes, need, maxPayload)
	}
	return nil
}
