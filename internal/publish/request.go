package publish

import (
	"cmp"
	"slices"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/idempotency"
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

	// Key makes it safe to publish the message again: the second time it is not published, and gets
	// the result of the first. Empty: none.
	Key string
	// Part tells apart the messages of one request, which share its key.
	Part int
	// Publisher is whom the key belongs to, wherever they connect, such as "key:shop". Empty: all
	// who come by the same door.
	Publisher string
}

// publisher returns whom the message's key belongs to.
func (r *Request) publisher() string {
	if r.Publisher != "" {
		return r.Publisher
	}
	return "door:" + r.Source.door.String()
}

// message returns the message without its sender.
func (r *Request) message() eventlog.Message {
	return eventlog.Message{To: r.To, Except: r.Except, Event: r.Event}
}

// Everywhere is what a source is granted that may publish to any room.
func Everywhere() []names.Target { return everywhere }

var everywhere = []names.Target{names.Everything}

// check returns the message if it may be published.
func (r *Request) check(limits Limits) (eventlog.Draft, *Error) {
	if size, limit := len(r.Event.Data), cmp.Or(limits.MessageBytes, defaultMessageBytes); size > limit {
		return eventlog.Draft{}, tooLarge(size, limit)
	}
	if r.Key != "" && !idempotency.IsValid(r.Key) {
		return eventlog.Draft{}, badKey()
	}
	draft, err := eventlog.NewDraft(r.message())
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
