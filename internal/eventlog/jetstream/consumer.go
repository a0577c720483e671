package jetstream

import (
	"context"
	"time"

	js "github.com/nats-io/nats.go/jetstream"
)

const (
	// idleConsumer is after what time without its reader the brokers drop a consumer.
	idleConsumer = 30 * time.Second
	// consumerTries is how many consumers are asked for until one is there, each consumerPause after
	// the one before: brokers place a consumer on one of them by chance, and it may be gone without
	// the others having noticed.
	consumerTries = 4
	consumerPause = 200 * time.Millisecond
)

// makeConsumer makes a consumer of the stream from a number on. Others that were asked for in vain are
// dropped by the brokers after idleConsumer.
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
