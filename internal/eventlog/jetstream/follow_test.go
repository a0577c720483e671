package jetstream

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	js "github.com/nats-io/nats.go/jetstream"
)

// placing is a broker that places the first consumers where they cannot answer.
type placing struct {
	fakeBroker

	lost  int
	asked int
	err   error
}

func (p *placing) CreateConsumer(ctx context.Context, _ string, _ js.ConsumerConfig) (js.Consumer, error) {
	p.mu.Lock()
	p.asked++
	isLost := p.asked <= p.lost
	p.mu.Unlock()
	if isLost {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return nil, p.err
}

// A consumer that was placed on a broker that is gone costs a moment, and not the whole wait for an answer.
func TestAConsumerThatIsNotThereIsAskedForAgain(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	for name, tt := range map[string]struct {
		broker *placing
		want   error
		took   time.Duration
	}{
		"at once":              {&placing{}, nil, 0},
		"at the third":         {&placing{lost: 2}, nil, 2 * consumerPause},
		"nowhere":              {&placing{lost: 100}, context.DeadlineExceeded, maxAsk},
		"not, and they say so": {&placing{err: refused}, refused, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, s := followed(t, tt.broker)
				began := time.Now()
				_, err := s.makeConsumer(1)
				if took := time.Since(began); !errors.Is(err, tt.want) || took != tt.took {
					t.Errorf("after %s: %v", took, err)
				}
				synctest.Wait()
				tt.broker.mu.Lock()
				defer tt.broker.mu.Unlock()
				if tt.broker.asked > consumerTries {
					t.Errorf("asked %d times", tt.broker.asked)
				}
			})
		})
	}
}

// A stream that seemed to have lost records must seem so for a while with brokers that answer. Time without them does not
// count.
func TestTheWatchForLossBeginsAnewWithoutBrokers(t *testing.T) {
	t.Parallel()
	l := New(Options{Servers: []string{"nats://127.0.0.1:4222"}, Name: "push", Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	lost := lossWatch{since: time.Unix(1000, 0)}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no broker is reached
	if err := l.runSession(ctx, &lost); err == nil || !lost.since.IsZero() {
		t.Errorf("%v; the watch began at %v", err, lost.since)
	}
}
