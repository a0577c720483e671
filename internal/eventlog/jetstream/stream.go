package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	js "github.com/nats-io/nats.go/jetstream"
)

// The least limits of a stream: nodes need some records to catch up with, and the brokers a time in
// which they recognise what they have got already.
const (
	leastEvents = 1000
	leastAge    = time.Minute
	leastWindow = 2 * time.Minute // of duplicates
)

// leastStreamBytes holds a few of the longest records.
const leastStreamBytes = 8 << 20

// streamLimits returns the limits of the stream that keeps what the settings ask for.
func streamLimits(l Limits) Limits {
	l.Events = max(l.Events, leastEvents)
	l.Bytes = max(l.Bytes, leastStreamBytes, 8*int64(MaxRecord(l.MessageBytes)))
	l.Age = max(l.Age, leastAge)
	l.DedupWindow = min(max(l.DedupWindow, leastWindow), l.Age)
	return l
}

// config returns the configuration of the stream.
func (st *state) config() js.StreamConfig {
	limits := streamLimits(st.o.Limits())
	return js.StreamConfig{
		Name:        st.names.stream,
		Description: "the log of the hassesd cluster " + st.o.Name,
		Subjects:    []string{st.names.all()},
		Retention:   js.LimitsPolicy,
		Discard:     js.DiscardOld,
		Storage:     js.FileStorage,
		Replicas:    st.o.Replicas,
		MaxMsgs:     int64(limits.Events),
		MaxBytes:    limits.Bytes,
		MaxAge:      limits.Age,
		Duplicates:  limits.DedupWindow,
		DenyDelete:  true,
	}
}

// create makes the stream.
func (s *session) create() error {
	ctx, cancel := s.ask()
	defer cancel()
	config := s.state.config()
	_, err := s.js.CreateStream(ctx, config)
	if errors.Is(err, js.ErrStreamNameAlreadyInUse) {
		return nil // another node was faster, and has other limits
	}
	if err != nil {
		return fmt.Errorf("make the stream %s: %w", config.Name, err)
	}
	s.state.configured = s.state.o.Limits()
	s.state.o.Logger.Info("stream made", "stream", config.Name, "replicas", config.Replicas)
	return nil
}

// applyLimits gives the stream the limits of the settings, once after the start and after each
// reload. What others have set since stays.
func (s *session) applyLimits() error {
	limits := s.state.o.Limits()
	if s.state.configured == limits {
		return nil
	}
	ctx, cancel := s.ask()
	defer cancel()
	stream, err := s.js.Stream(ctx, s.state.names.stream)
	if err != nil {
		return err
	}
	has, want := stream.CachedInfo().Config, s.state.config()
	if !sameLimits(&has, &want) {
		has.MaxMsgs, has.MaxBytes, has.MaxAge, has.Duplicates, has.Replicas = want.MaxMsgs, want.MaxBytes, want.MaxAge, want.Duplicates, want.Replicas
		if _, err := s.js.UpdateStream(ctx, has); err != nil {
			s.state.o.Logger.Warn("the stream keeps its limits", "stream", want.Name, "err", err)
			return contextError(ctx, err)
		}
		s.state.o.Logger.Info("the stream has the limits of the settings", "stream", want.Name,
			"events", want.MaxMsgs, "bytes", want.MaxBytes, "age", want.MaxAge, "replicas", want.Replicas)
	}
	s.state.configured = limits
	return nil
}

func sameLimits(a, b *js.StreamConfig) bool {
	return a.MaxMsgs == b.MaxMsgs && a.MaxBytes == b.MaxBytes && a.MaxAge == b.MaxAge && a.Duplicates == b.Duplicates && a.Replicas == b.Replicas
}

// contextError returns err if there was no answer. A broker that refuses a change has answered.
func contextError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return nil
}
