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
	// leastAsk and maxAsk bound one question to the brokers: see session.ask.
	leastAsk = 500 * time.Millisecond
	maxAsk   = 5 * time.Second
	// heartbeat is how often a consumer that has nothing to bring says so; after two of them it is
	// taken for dead.
	heartbeat = time.Second
	// batchRecords and batchBytes bound what a consumer may send ahead.
	batchRecords = 512
	batchBytes   = 8 << 20
)

var (
	errLookAgain    = errors.New("the log is not what it was; looking again")
	errClosedByPeer = errors.New("the connection to the broker has ended")
)

// session is one connection to a broker, and one consumer on it. It is never continued: whatever
// goes wrong ends it, and the next one looks at the stream before anything is read or published.
type session struct {
	// Fixed after creation.
	l      *Log
	url    string // of the broker
	nc     *nats.Conn
	js     js.JetStream
	ctx    context.Context // ends with the session
	cancel context.CancelCauseFunc

	again chan struct{} // closed when messages have to be sent again; guarded by Log.mu

	// Owned by Run, and then by watch.
	leader string // the broker that leads the stream, as was last heard; "": there is one broker

	// Owned by watch.
	expected uint64 // what the stream had at the look before
	isSilent bool   // it was reported that messages are not answered
	rival    string // URL of a broker that was better when it was asked last; "": none was

	// Owned by Run.
	consumed uint64        // number of the newest delivery of the consumer
	caughtUp bool          // everything that the stream had at the start was read
	target   uint64        // what it had
	created  int64         // when the stream was, see order
	skew     time.Duration // of the broker's clock: what is added to its times
}

// lossWatch notes since when the stream has looked as if records were lost. It begins anew when
// brokers do not answer: what the stream was in between is not known.
type lossWatch struct{ since time.Time }

// runSession connects, follows the log until something goes wrong, and returns what.
func (l *Log) runSession(ctx context.Context, lost *lossWatch) error {
	s, err := l.connect(ctx)
	if err != nil {
		*lost = lossWatch{}
		return err
	}
	defer s.nc.Close()
	defer s.cancel(errLookAgain)
	l.connected(s)
	err = s.run(lost)
	l.brokers.ended(s.url, l.o.Now(), err)
	return err
}

func (s *session) run(lost *lossWatch) error {
	if err := s.meet(); err != nil {
		return err
	}
	p, err := s.prepare(lost)
	if err != nil {
		return err
	}
	return s.follow(p)
}

// connected notes that there is a broker.
func (l *Log) connected(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.maxPayload = s.nc.MaxPayload()
	l.status.Connected, l.status.Server = true, s.nc.ConnectedUrlRedacted()
}

// ask returns a context for one question. While brokers elect a leader, a question may find nobody
// and is lost: so at first it is soon asked again, and later more patiently, as brokers may be slow.
func (s *session) ask() (context.Context, context.CancelFunc) {
	l := s.l
	l.mu.Lock()
	patience := maxAsk
	if !l.status.Ready {
		patience = askPatience(l.o.Now().Sub(l.status.AwaySince))
	}
	l.mu.Unlock()
	return context.WithTimeout(s.ctx, patience)
}

// askPatience returns how long an answer may take when the log has been out of reach for so long.
func askPatience(away time.Duration) time.Duration { return min(max(leastAsk, away/8), maxAsk) }

// prepare looks at the stream until it is clear where to follow from. It makes the stream if there
// is none, and begins an epoch where there is none in force.
func (s *session) prepare(lost *lossWatch) (plan, error) {
	if err := CheckPayload(s.nc.MaxPayload(), s.l.o.Limits().MessageBytes); err != nil {
		return plan{}, err
	}
	for {
		seen, err := s.look()
		if errors.Is(err, js.ErrStreamNotFound) {
			if s.l.order.epoch != "" && lost.watch(s.l.o.Now()) < settle {
				return plan{}, fmt.Errorf("the stream %s is gone", s.l.names.stream)
			}
			if err := s.create(); err != nil {
				return plan{}, err
			}
			continue
		}
		if err != nil {
			*lost = lossWatch{}
			return plan{}, err
		}
		p := s.l.order.resume(seen, lost.lasted(s.l.o.Now()))
		switch {
		case p.wait:
			lost.watch(s.l.o.Now())
			return plan{}, fmt.Errorf("the log ends at %s, which does not go on from %s; looking again", seen.end(), s.l.order.id())
		case p.write != nil:
			if err := s.writeEpoch(p.write, seen); err != nil {
				return plan{}, err
			}
			continue
		}
		*lost = lossWatch{}
		s.created = seen.created
		s.target = seen.last
		return p, s.applyLimits()
	}
}

// watch notes that the stream looks as if it has lost records, and returns for how long already.
func (w *lossWatch) watch(now time.Time) time.Duration {
	if w.since.IsZero() {
		w.since = now
	}
	return w.lasted(now)
}

func (w *lossWatch) lasted(now time.Time) time.Duration {
	if w.since.IsZero() {
		return 0
	}
	return now.Sub(w.since)
}

// look asks what the stream is.
func (s *session) look() (look, error) {
	ctx, cancel := s.ask()
	defer cancel()
	stream, err := s.js.Stream(ctx, s.l.names.stream)
	if err != nil {
		return look{}, err
	}
	info := stream.CachedInfo()
	if err := s.l.checkStream(info); err != nil {
		return look{}, err
	}
	s.leader = leaderOf(info)
	seen := lookOf(info)
	if !info.TimeStamp.IsZero() {
		s.skew = s.l.o.Now().Sub(info.TimeStamp)
	}
	msg, err := stream.GetLastMsgForSubject(ctx, s.l.names.of(kindEpoch))
	if errors.Is(err, js.ErrMsgNotFound) {
		return seen, nil
	}
	if err != nil {
		return look{}, err
	}
	r, err := decodeEpoch(msg.Data)
	if err != nil {
		return look{}, fmt.Errorf("epoch record %d: %w", msg.Sequence, err)
	}
	seen.mark = &entry{seq: msg.Sequence, kind: kindEpoch, readable: true, epoch: r.epoch, since: r.since, created: r.created}
	seen.last = max(seen.last, msg.Sequence) // it may have come in between
	return seen, nil
}

// end returns where the stream ends, for people.
func (l *look) end() string {
	if l.mark == nil {
		return strconv.FormatUint(l.last, 10) + " without an epoch"
	}
	return sse.ID{Epoch: l.mark.epoch, Seq: l.last}.String()
}

// leaderOf returns the name of the broker that leads the stream; empty if there is only one.
func leaderOf(info *js.StreamInfo) string {
	if info.Cluster == nil {
		return ""
	}
	return info.Cluster.Leader
}

func lookOf(info *js.StreamInfo) look {
	seen := look{created: info.Created.UnixNano(), first: max(1, info.State.FirstSeq), last: info.State.LastSeq}
	if info.State.Msgs == 0 {
		seen.first = seen.last + 1
	}
	return seen
}

// writeEpoch writes an epoch record, unless another node does so first.
func (s *session) writeEpoch(w *write, seen look) error {
	next, err := s.l.nextEpoch(seen.mark)
	if err != nil {
		return err
	}
	r := epochRecord{epoch: next, created: seen.created}
	ctx, cancel := s.ask()
	defer cancel()
	_, err = s.js.PublishMsg(ctx, &nats.Msg{Subject: s.l.names.of(kindEpoch), Data: r.encode()}, js.WithExpectLastSequence(w.last))
	if isConflict(err) {
		return nil // the next look tells what has come instead
	}
	if err != nil {
		return fmt.Errorf("write an epoch record: %w", err)
	}
	if before := s.l.order.epoch; before == "" {
		s.l.o.Logger.Info("the log begins", "epoch", r.epoch, "after", w.last)
	} else {
		s.l.o.Logger.Warn("the log has lost records and begins a new epoch", "epoch", r.epoch, "after", w.last, "before", s.l.order.id().String())
	}
	return nil
}

// maxClockError is how far ahead the clock may have been that has made an epoch. An epoch that is
// later still was made by nobody's clock.
const maxClockError = 100 * 365 * 24 * time.Hour

// nextEpoch returns an epoch that is later than every one that is known.
func (l *Log) nextEpoch(mark *entry) (string, error) {
	newest, now := l.order.epoch, l.o.Now()
	if mark != nil && sse.IsLaterEpoch(mark.epoch, newest) {
		newest = mark.epoch
	}
	for ahead := time.Duration(0); ahead <= maxClockError; ahead += 24 * time.Hour {
		if next := l.o.NewEpoch(now.Add(ahead)); sse.IsLaterEpoch(next, newest) {
			return next, nil
		}
	}
	return "", fmt.Errorf("no epoch comes after %q, which no node has made: delete the stream %s and restart all nodes", newest, l.names.stream)
}

// isConflict reports whether a record was refused because the stream does not end where it was
// expected to.
func isConflict(err error) bool {
	var fault *js.APIError
	return errors.As(err, &fault) && (fault.ErrorCode == js.JSErrCodeStreamWrongLastSequence || fault.ErrorCode == js.JSErrCodeStreamWrongLastSequenceConstant)
}

// follow reads the log from where the plan says.
func (s *session) follow(p plan) error {
	consumer, err := s.makeConsumer(p.from)
	if err != nil {
		return fmt.Errorf("make a consumer: %w", err)
	}
	// The stream may have been another one in between.
	if again, err := s.look(); err != nil {
		return err
	} else if again.created != s.created || again.last < p.from-1 {
		return errLookAgain
	}
	messages, err := consumer.Messages(
		js.PullMaxMessagesWithBytesLimit(batchRecords, max(batchBytes, int(2*s.nc.MaxPayload()))),
		js.PullHeartbeat(heartbeat),
	)
	if err != nil {
		return fmt.Errorf("follow the log: %w", err)
	}
	defer messages.Stop()
	if p.rebase != nil {
		s.l.tellGap(begins, *p.rebase)
		s.l.order.told()
	}
	s.l.moved(0)
	if p.rebase != nil {
		s.l.abandon(p.rebase.Epoch)
	}
	s.progress()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.watch()
	}()
	defer func() {
		s.cancel(errLookAgain)
		<-watched
	}()
	return s.read(messages)
}

// read reads until something goes wrong.
func (s *session) read(messages js.MessagesContext) error {
	for {
		msg, err := messages.Next(js.NextContext(s.ctx))
		switch {
		case s.ctx.Err() != nil:
			return context.Cause(s.ctx)
		case err != nil:
			return fmt.Errorf("follow the log: %w", err)
		}
		if err := s.take(msg); err != nil {
			return err
		}
		s.progress()
	}
}

// take applies one record.
func (s *session) take(msg js.Msg) error {
	meta, err := msg.Metadata()
	if err != nil {
		return fmt.Errorf("follow the log: %w", err)
	}
	if meta.Sequence.Consumer != s.consumed+1 {
		return errors.New("follow the log: a delivery was lost on the way")
	}
	s.consumed++
	r := s.l.readRecord(msg.Subject(), msg.Headers().Get(js.MsgIDHeader), msg.Data())
	r.entry.seq = meta.Sequence.Stream
	r.from, r.print = msg.Headers().Get(fromHeader), msg.Headers().Get(printHeader)
	v, base := s.l.order.next(&r.entry)
	if v == suspect {
		return errLookAgain
	}
	if base != nil {
		s.l.tellGap(v, *base)
	}
	switch v {
	case deliver:
		err = s.deliver(&r, meta.Timestamp)
	case unknown:
		s.l.o.Logger.Error("a record of the log cannot be read; streams are told of a gap", "number", r.entry.seq, "err", r.fault)
	case skip, void, begins, unsure, suspect:
	}
	if err != nil {
		return err
	}
	s.l.moved(len(msg.Data()))
	if v == begins {
		s.l.abandon(base.Epoch)
	}
	return nil
}

// record is a record as it was read.
type record struct {
	entry   entry
	message *message // or
	kick    *kickRecord
	fault   error // why it is not readable

	from, print string // of its header
}

// readRecord reads a record of any kind.
func (l *Log) readRecord(subject, id string, data []byte) (r record) {
	r.entry.kind, r.entry.id = l.names.kind(subject), id
	switch r.entry.kind {
	case kindMessage:
		if r.message, r.fault = decodeMessage(data); r.fault == nil {
			r.entry.epoch, r.entry.after = r.message.epoch, r.message.after
		}
	case kindEpoch:
		var e *epochRecord
		if e, r.fault = decodeEpoch(data); r.fault == nil {
			r.entry.epoch, r.entry.since, r.entry.created = e.epoch, e.since, e.created
		}
	case kindKick:
		if r.kick, r.fault = decodeKick(data); r.fault == nil {
			r.entry.epoch, r.entry.after = r.kick.epoch, r.kick.after
		}
	}
	r.entry.readable = r.fault == nil
	return r
}

// deliver gives a record that counts to the follower, and answers its publisher if that is here. at
// is when the broker got it, by its clock.
func (s *session) deliver(r *record, at time.Time) error {
	l := s.l
	now := l.o.Now()
	age := max(0, now.Sub(at.Add(s.skew)))
	own := l.take(r.entry.id)
	var receipt *eventlog.Receipt
	if r.kick != nil {
		k := r.kick.kick
		if k.Refuse = max(0, k.Refuse-age); l.o.Kicked != nil && (own != nil || s.caughtUp || k.Refuse > 0) {
			l.o.Kicked(k)
		}
	} else {
		if own != nil && own.from == r.from {
			receipt = eventlog.NewReceipt(l.order.id())
		}
		rec, err := r.message.record(r.entry.seq, now.Add(-age), receipt)
		if err != nil {
			l.o.Logger.Error("a record of the log is damaged; streams are told of a gap", "number", r.entry.seq, "err", err)
			l.tellGap(unknown, l.order.id())
			return nil
		}
		for !l.follower.Apply(rec) {
			select {
			case <-l.follower.Space():
			case <-s.ctx.Done():
				// It was not applied: the next session reads it again.
				l.order.takeBack(&r.entry)
				l.restore(r.entry.id, own)
				return context.Cause(s.ctx)
			}
		}
	}
	l.mu.Lock()
	l.status.LagTime = age
	l.position = l.order.id() // before the publisher can go on
	l.stored(now.Add(-age))
	l.mu.Unlock()
	switch {
	case own == nil:
	case own.from == r.from:
		own.done <- outcome{receipt: receipt}
	default:
		own.done <- duplicateOf(own, l.order.id(), r.print)
	}
	return nil
}

// tellGap puts the follower behind what it does not get.
func (l *Log) tellGap(v verdict, base sse.ID) {
	switch v {
	case begins:
		l.o.Logger.Info("the epoch of the log has changed", "position", base.String())
	case skip, void, deliver, suspect:
		l.o.Logger.Warn("records of the log were dropped before they were read here; streams are told of a gap", "position", base.String())
	case unknown, unsure:
	}
	l.mu.Lock()
	if v == begins {
		l.figures.EpochChanges++
	} else {
		l.figures.Gaps++
	}
	l.mu.Unlock()
	l.follower.Rebase(base)
}

// moved makes known how far the log was read.
func (l *Log) moved(bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.position, l.since = l.order.id(), l.order.since
	if l.mark.at != l.order.markAt {
		l.mark = mark{at: l.order.markAt, seen: l.o.Now()}
	}
	l.mark.bytes += int64(bytes)
}

// progress makes the session the one that appends once it has read what there was.
func (s *session) progress() {
	if !s.caughtUp && s.l.order.position >= s.target {
		s.caughtUp = true
		s.l.enter(s)
	}
}
