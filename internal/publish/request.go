package publish

import (
	"cmp"
	"slices"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// Request is a message, and who sends it.
type Request struct {
	Source  *Source
	Granted []names.Target // where the source may publish to; see Everywhere
	To      []names.Target
	Except  string // the client id that does not get it; "" excepts nobody
	Event   sse.Event
}

// Everywhere is what a source is granted that may publish to any room.
func Everywhere() []names.Target { return everywhere }

var everywhere = []names.Target{names.Everything}

// check returns the message if it may be published.
func (r *Request) check(limits Limits) (eventlog.Draft, *Error) {
	if size, limit := len(r.Event.Data), cmp.Or(limits.MessageBytes, defaultMessageBytes); size > limit {
		return eventlog.Draft{}, tooLarge(size, limit)
	}
	draft, err := eventlog.NewDraft(eventlog.Message{To: r.To, Except: r.Except, Event: r.Event})
	if err != nil {
		return eventlog.Draft{}, invalid(err)
	}
	for _, t := range r.To {
		if !slices.ContainsFunc(r.Granted, func(granted names.Target) bool { return granted.Covers(t) }) {
			return eventlog.Draft{}, notGranted(t)
		}
	}
	return draft, nil
}
