package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	js "github.com/nats-io/nats.go/jetstream"
)

const (
	// heartbeat is how often a consumer that has nothing to bring says so; after two of them it is
	// taken for dead.
	heartbeat = time.Second
	// batchRecords and batchBytes bound what a consumer may send ahead.
	batchRecords = 512
	batchBytes   = 8 << 20
)

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

// prepare looks at the stream until it is clear where to follow from. It creates the stream
// if it does not exist, and writes an epoch record if order.resume asks for one.
func (s *session) prepare(lost *lossWatch) (plan, error) {
	if err := CheckPayload(s.nc.MaxPayload(), s.state.o.Limits().MessageBytes); err != nil {
		return plan{}, err
	}
	for {
		seen, err := s.look()
		if errors.Is(err, js.ErrStreamNotFound) {
			if s.state.order.epoch != "" && lost.watch(s.state.o.Now()) < settle {
				return plan{}, fmt.Errorf("the stream %s is gone", s.state.names.stream)
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
		p := s.state.order.resume(seen, lost.lasted(s.state.o.Now()))
		switch {
		case p.wait:
			lost.watch(s.state.o.Now())
			return plan{}, fmt.Errorf("the log ends at %s, which does not go on from %s; looking again", seen.end(), s.state.order.id())
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
		s.state.tellGap(begins, *p.rebase)
		s.state.order.told()
	}
	s.state.moved(0)
	if p.rebase != nil {
		s.state.abandon(p.rebase.Epoch)
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

const (
	// idleConsumer is after what time without its reader the brokers drop a consumer.
	idleConsumer = 30 * time.Second
	// consumerTries is how many consumers are asked for until one is there, each consumerPause after
	// the one before: brokers place a consumer on one of them by chance, and it may be gone without
	// the others having noticed.
	consumerTries = 4
	consumerPause = 200 * time.Millisecond
)

// makeConsumer makes a consumer of the stream from a number on. The brokers drop others that were
// asked for in vain after idleConsumer.
func (s *session) makeConsumer(from uint64) (js.Consumer, error) {
	type made struct {
		consumer js.Consumer
		err      error
	}
	ctx, cancel := s.ask()
	defer cancel()
	answers := make(chan made, consumerTries)
	ask := func() {
		consumer, err := s.js.CreateConsumer(ctx, s.state.names.stream, js.ConsumerConfig{
			Description:       "hassesd " + s.state.o.Node,
			DeliverPolicy:     js.DeliverByStartSequencePolicy,
			OptStartSeq:       from,
			AckPolicy:         js.AckNonePolicy,
			MaxDeliver:        1,
			InactiveThreshold: idleConsumer,
			MemoryStorage:     true,
			Replicas:          1,
		})
		answers <- made{consumer, err}
	}
	go ask()
	again := time.NewTicker(consumerPause)
	defer again.Stop()
	for tries := 1; ; {
		select {
		case m := <-answers:
			return m.consumer, m.err
		case <-again.C:
			if tries < consumerTries {
				tries++
				go ask()
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// lossWatch notes since when the stream has looked as if records were lost. It begins anew when
// brokers do not answer: what the stream was in between is not known.
type lossWatch struct{ since time.Time }

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
