package jetstream

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/hub"
)

// fakeBroker is what a session talks to. It answers what a test tells it to.
type fakeBroker struct {
	js.JetStream

	mu sync.Mutex
	// Guarded by mu.
	leader    string
	refusal   error // of each message; nil: none is answered
	published int
}

func (f *fakeBroker) set(leader string, refusal error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leader, f.refusal = leader, refusal
}

func (f *fakeBroker) attempts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.published
}

func (f *fakeBroker) PublishMsgAsync(*nats.Msg, ...js.PublishOpt) (js.PubAckFuture, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.published++
	answer := fakeAck{err: make(chan error, 1)}
	if f.refusal != nil {
		answer.err <- f.refusal
	}
	return answer, nil
}

func (f *fakeBroker) Stream(context.Context, string) (js.Stream, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.leader == "" {
		return nil, context.DeadlineExceeded
	}
	return fakeStream{leader: f.leader}, nil
}

type fakeAck struct {
	js.PubAckFuture
	err chan error
}

func (a fakeAck) Ok() <-chan *js.PubAck { return nil }
func (a fakeAck) Err() <-chan error     { return a.err }

type fakeStream struct {
	js.Stream
	leader string
}

func (s fakeStream) CachedInfo() *js.StreamInfo {
	return &js.StreamInfo{Cluster: &js.ClusterInfo{Leader: s.leader}}
}

// followed returns a log with a session at a broker, through which messages are appended.
func followed(t *testing.T, f js.JetStream) (*Log, *session) {
	t.Helper()
	l := New(Options{Servers: []string{"nats://one"}, Name: "push", Node: "n", Boot: "b", Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	l.Follow(hub.New(hub.Options{Epoch: "e1", IsShared: true}))
	l.order = order{epoch: "e1", position: 10}
	l.moved(0)
	ctx, cancel := context.WithCancelCause(t.Context())
	c := &conn{url: "nats://one", js: f, ctx: ctx, cancel: cancel, again: make(chan struct{})}
	s := &session{conn: c, state: &l.state, leader: "b0"}
	l.enter(c)
	return l, s
}

// pass lets time pass in a bubble of synctest, where it costs none.
func pass(d time.Duration) { <-time.After(d) }

// appendOne appends a kick, which is the shortest record, and returns where its outcome comes.
func appendOne(ctx context.Context, l *Log) <-chan error {
	done := make(chan error, 1)
	go func() { done <- l.AppendKick(ctx, Kick{ID: "x"}) }()
	return done
}

func TestWhichBrokerIsBetter(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		own, other opinion
		want       bool
	}{
		"both reach the leader":              {opinion{true, "b0"}, opinion{true, "b0"}, false},
		"this one does not answer":           {opinion{}, opinion{true, "b0"}, true},
		"neither answers":                    {opinion{}, opinion{}, false},
		"only this one answers":              {opinion{true, "b0"}, opinion{}, false},
		"the other has another leader":       {opinion{true, "b0"}, opinion{true, "b1"}, true},
		"the other has no leader":            {opinion{true, "b0"}, opinion{true, ""}, false},
		"this one has none, and the other":   {opinion{true, ""}, opinion{true, "b1"}, true},
		"there is one broker without others": {opinion{true, ""}, opinion{true, ""}, false},
	} {
		if got := tt.other.isBetter(tt.own); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// A message that a leader got and did not store is sent again as soon as there is another leader.
func TestAnotherLeaderGetsMessagesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakeBroker{leader: "b0"}
		l, s := followed(t, f)
		ctx, cancel := context.WithCancel(t.Context())
		done := appendOne(ctx, l)
		look := func() {
			t.Helper()
			synctest.Wait()
			if err := s.doubt(l.waiting(time.Time{}, time.Now())); err != nil {
				t.Fatal(err)
			}
		}
		pass(slowAfter)
		look()
		pass(retryPause)
		if look(); f.attempts() != 1 {
			t.Errorf("the same leader has got the message %d times", f.attempts())
		}
		f.set("b1", nil)
		look()
		pass(retryPause)
		synctest.Wait()
		if f.attempts() != 2 {
			t.Errorf("the new leader has not got the message: %d attempts", f.attempts())
		}
		pass(2*leastAnswer + retryPause)
		if synctest.Wait(); f.attempts() != 3 {
			t.Errorf("without news it is sent again after a while: %d attempts", f.attempts())
		}
		cancel()
		if err := <-done; !errors.Is(err, eventlog.ErrUnanswered) {
			t.Errorf("a publisher that has left is told %v", err)
		}
	})
}

// Brokers that answer questions and store nothing, as those do whose disks are full, are reported once.
func TestBrokersThatTakeNoMessagesAreReported(t *testing.T) {
	t.Parallel()
	l, s := followed(t, &fakeBroker{leader: "b0"})
	var text strings.Builder
	l.o.Logger = slog.New(slog.NewTextHandler(&text, nil))
	for _, waited := range []time.Duration{slowAfter, silentAfter - 1, silentAfter, 2 * silentAfter, 0, silentAfter} {
		if err := s.doubt(waited); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(text.String(), "take no messages"); got != 2 {
		t.Errorf("reported %d times, want once for each time that it has lasted:\n%s", got, text.String())
	}
}
