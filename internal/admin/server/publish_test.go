package server

import (
	"errors"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/eventlog/memory"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/publish"
	"github.com/hassesd/hassesd/internal/sse"
)

// Every door publishes through one Publisher, so what a client would take for something else is
// refused there, with what to do.
func TestEventsThatClientsWouldMisreadAreRefused(t *testing.T) {
	p := publish.New(publish.Options{
		Log: memory.New(memory.Options{Last: sse.ID{Epoch: "e"}, Now: time.Now}), Now: time.Now,
		Limits: func() publish.Limits { return publish.Limits{} },
	})
	for name, event := range map[string]sse.Event{
		"EventSource's error": {Name: "error"},
		"EventSource's open":  {Name: "open"},
		"the daemon's gap":    {Name: sse.GapEvent},
		"a retry of 2^31 ms":  {Retry: sse.RetryOf(1 << 31)},
	} {
		_, err := p.Publish(t.Context(), publish.Request{
			Source: publish.NewSource(publish.DoorUnix, nil), Granted: publish.Everywhere(),
			To: []names.Target{names.Everything}, Event: event,
		})
		if err == nil {
			t.Errorf("%s was published", name)
			continue
		}
		var told *api.Error
		if !errors.As(refusedMessage(err), &told) || told.Code != -32602 || told.Hint == "" {
			t.Errorf("%s: a publisher is told %#v", name, told)
		}
	}
}
