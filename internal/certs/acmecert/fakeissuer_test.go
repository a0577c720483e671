package acmecert

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeIssuer counts what it is asked and answers as the test says. It may be called from several
// goroutines.
type fakeIssuer struct {
	answer func(ctx context.Context, host string, by Challenge) ([]byte, Challenge, error)
	advice func(id string) (advice, error) // nil: none

	mu    sync.Mutex
	tries []try
}

type try struct {
	at   time.Time
	host string
	by   Challenge
}

func (i *fakeIssuer) issue(ctx context.Context, host string, by Challenge) ([]byte, Challenge, error) {
	i.mu.Lock()
	i.tries = append(i.tries, try{time.Now(), host, by})
	i.mu.Unlock()
	return i.answer(ctx, host, by)
}

func (i *fakeIssuer) advise(_ context.Context, id string) (advice, error) {
	if i.advice == nil {
		return advice{}, errNoAdvice
	}
	return i.advice(id)
}

func (i *fakeIssuer) asked() []try {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]try(nil), i.tries...)
}

// refusing is an issuer that always fails.
func refusing(err error) *fakeIssuer {
	return &fakeIssuer{answer: func(context.Context, string, Challenge) ([]byte, Challenge, error) { return nil, "", err }}
}

// granting is an issuer that always succeeds.
func granting(ca *fakeCA) *fakeIssuer {
	return &fakeIssuer{answer: func(_ context.Context, host string, by Challenge) ([]byte, Challenge, error) {
		return ca.keyed(host, time.Now()), by, nil
	}}
}

// newTestManager is a manager with another issuer.
func newTestManager(t *testing.T, o Options, i issuer) *Manager {
	t.Helper()
	m, err := newManager(o, newCache(o.CacheDir, o.Directory), i, &Answers{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// runFor lets a manager live for so long, in the time of the bubble.
func runFor(t *testing.T, m *Manager, d time.Duration) {
	t.Helper()
	m.Start(t.Context())
	<-time.After(d)
	synctest.Wait()
	m.Stop()
}

var errOutage = errors.New("dial tcp 192.0.2.1:443: connect: connection refused")
