// Package admintest gives tests a daemon that is none: a Backend that remembers what it was asked,
// and a control server in front of it.
package admintest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
	"github.com/hassesd/hassesd/internal/publish"
	"github.com/hassesd/hassesd/internal/sse"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// Backend is a [server.Backend] and a [server.Publisher] that answers what it was told to, and
// remembers what it was asked. The zero value answers zero values.
type Backend struct {
	// What the methods answer. Fixed while a server uses it.
	HelloAnswer   api.Hello
	StatusAnswer  api.Status
	ClientsAnswer api.Clients
	RoomsAnswer   api.Rooms
	NodesAnswer   api.Nodes
	CountAnswer   api.Count      // without a room
	RoomStreams   map[string]int // what Count answers with a room
	KickedAnswer  api.Kicked
	ReloadAnswer  api.Reloaded
	DrainAnswer   api.Drained
	CertsAnswer   api.Certificates
	LimitsAnswer  api.Limits
	SandboxAnswer api.Sandbox
	Matches       int              // what every Delivery answers
	MessageBytes  int              // the longest message; 0: no bound
	Errors        map[string]error // by method: answered instead

	// OnPublish, if not nil, is called before a message is taken and may wait, or refuse it.
	OnPublish func(ctx context.Context, p api.SendParams) error
	// OnMatched, if not nil, is called before a Delivery answers.
	OnMatched func(ctx context.Context, id string) error

	mu       sync.Mutex // guards all below
	changed  chan struct{}
	sent     []api.SendParams
	kicks    []api.KickParams
	drains   []api.DrainParams
	queries  []api.ClientsParams
	level    string
	reinit   bool
	refusals []string
}

func (b *Backend) note(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// wait returns when done, called with the lock held, says so; it fails the test when that takes too
// long.
func (b *Backend) wait(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		b.mu.Lock()
		if done() {
			b.mu.Unlock()
			return
		}
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		changed := b.changed
		b.mu.Unlock()
		select {
		case <-changed:
		case <-deadline.C:
			t.Fatalf("still waiting for %s", what)
		}
	}
}

// WaitSent waits until n messages were published, and returns all.
func (b *Backend) WaitSent(t testing.TB, n int) []api.SendParams {
	t.Helper()
	b.wait(t, fmt.Sprintf("%d messages", n), func() bool { return len(b.sent) >= n })
	return b.Sent()
}

// WaitRefusals waits until n commands or connections were refused, and returns the reasons of all.
func (b *Backend) WaitRefusals(t testing.TB, n int) []string {
	t.Helper()
	b.wait(t, fmt.Sprintf("%d refusals", n), func() bool { return len(b.refusals) >= n })
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.refusals)
}

// Sent returns the messages published so far.
func (b *Backend) Sent() []api.SendParams {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.sent)
}

// Kicks returns the parameters of the kicks so far.
func (b *Backend) Kicks() []api.KickParams {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.kicks)
}

// Drains returns the parameters of the drains so far.
func (b *Backend) Drains() []api.DrainParams {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.drains)
}

// Queries returns the parameters with which clients were asked for so far.
func (b *Backend) Queries() []api.ClientsParams {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.queries)
}

// Hello answers HelloAnswer.
func (b *Backend) Hello(context.Context) (api.Hello, error) {
	return b.HelloAnswer, b.Errors[api.MethodHello]
}

// Status answers StatusAnswer.
func (b *Backend) Status(context.Context, api.StatusParams) (api.Status, error) {
	return b.StatusAnswer, b.Errors[api.MethodStatus]
}

// Nodes answers NodesAnswer.
func (b *Backend) Nodes(context.Context) (api.Nodes, error) {
	return b.NodesAnswer, b.Errors[api.MethodNodes]
}

// Clients answers ClientsAnswer, and remembers p.
func (b *Backend) Clients(_ context.Context, p api.ClientsParams) (api.Clients, error) {
	b.note(func() { b.queries = append(b.queries, p) })
	return b.ClientsAnswer, b.Errors[api.MethodClients]
}

// Rooms answers RoomsAnswer.
func (b *Backend) Rooms(context.Context, api.RoomsParams) (api.Rooms, error) {
	return b.RoomsAnswer, b.Errors[api.MethodRooms]
}

// Count answers CountAnswer, or from RoomStreams.
func (b *Backend) Count(_ context.Context, p api.CountParams) (api.Count, error) {
	if p.Room != "" {
		return api.Count{Room: p.Room, Streams: b.RoomStreams[p.Room]}, b.Errors[api.MethodCount]
	}
	return b.CountAnswer, b.Errors[api.MethodCount]
}

// Publish checks, numbers and remembers a message.
func (b *Backend) Publish(ctx context.Context, r publish.Request) (server.Delivery, error) {
	if err := b.Errors[api.MethodSend]; err != nil {
		return nil, err
	}
	p := api.SendParams{Except: r.Except, Event: r.Event.Name, Data: r.Event.Data, Retry: int(r.Event.Retry.Milliseconds()), Key: r.Key}
	for _, to := range r.To {
		p.To = append(p.To, to.String())
	}
	if fault, ok := errors.AsType[*sse.EventError](r.Event.Check()); ok {
		return nil, &publish.Error{Refusal: publish.Invalid, Field: fault.Field, Message: fault.Error(), Hint: fault.Hint}
	}
	if b.MessageBytes > 0 && len(p.Data) > b.MessageBytes {
		return nil, &publish.Error{
			Refusal: publish.TooLarge,
			Message: fmt.Sprintf("the message has %d bytes and the limit is %d", len(p.Data), b.MessageBytes),
			Hint:    "send less",
		}
	}
	if b.OnPublish != nil {
		if err := b.OnPublish(ctx, p); err != nil {
			return nil, err
		}
	}
	d := delivery{backend: b}
	b.note(func() {
		for i, earlier := range b.sent {
			if p.Key != "" && earlier.Key == p.Key {
				d.id, d.isDuplicate = fmt.Sprintf("e-%d", i+1), true
				return
			}
		}
		b.sent = append(b.sent, p)
		d.id = fmt.Sprintf("e-%d", len(b.sent))
	})
	return d, nil
}

// Kick answers KickedAnswer, and remembers p.
func (b *Backend) Kick(_ context.Context, p api.KickParams) (api.Kicked, error) {
	b.note(func() { b.kicks = append(b.kicks, p) })
	return b.KickedAnswer, b.Errors[api.MethodKick]
}

// LogLevel keeps a level, which begins as normal.
func (b *Backend) LogLevel(_ context.Context, level string) (string, error) {
	b.note(func() {
		if level != "" {
			b.level = level
		}
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.level == "" {
		b.level = "normal"
	}
	return b.level, b.Errors[api.MethodLogLevel]
}

// Reinit keeps a switch, which begins as off.
func (b *Backend) Reinit(_ context.Context, enabled *bool) (bool, error) {
	b.note(func() {
		if enabled != nil {
			b.reinit = *enabled
		}
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reinit, b.Errors[api.MethodReinit]
}

// Reload answers ReloadAnswer.
func (b *Backend) Reload(context.Context) (api.Reloaded, error) {
	return b.ReloadAnswer, b.Errors[api.MethodReload]
}

// Drain answers DrainAnswer, and remembers p.
func (b *Backend) Drain(_ context.Context, p api.DrainParams) (api.Drained, error) {
	b.note(func() { b.drains = append(b.drains, p) })
	return b.DrainAnswer, b.Errors[api.MethodDrain]
}

// Certificates answers CertsAnswer.
func (b *Backend) Certificates(context.Context) (api.Certificates, error) {
	return b.CertsAnswer, b.Errors[api.MethodCertificates]
}

// Limits answers LimitsAnswer.
func (b *Backend) Limits(context.Context, api.LimitsParams) (api.Limits, error) {
	return b.LimitsAnswer, b.Errors[api.MethodLimits]
}

// Sandbox answers SandboxAnswer.
func (b *Backend) Sandbox(context.Context) (api.Sandbox, error) {
	return b.SandboxAnswer, b.Errors[api.MethodSandbox]
}

// CountCommandError remembers reason.
func (b *Backend) CountCommandError(reason string) {
	b.note(func() { b.refusals = append(b.refusals, reason) })
}

type delivery struct {
	backend     *Backend
	id          string
	isDuplicate bool
}

func (d delivery) ID() string { return d.id }

func (d delivery) IsDuplicate() bool { return d.isDuplicate }

func (d delivery) Matched(ctx context.Context) (int, error) {
	if d.backend.OnMatched != nil {
		if err := d.backend.OnMatched(ctx, d.id); err != nil {
			return 0, err
		}
	}
	return d.backend.Matches, nil
}
