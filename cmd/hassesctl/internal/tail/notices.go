package tail

import (
	"context"
	"encoding/json"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/eventsource"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
)

const (
	// gapEvent is what the daemon sends in place of events that it no longer has.
	gapEvent = "hasses.gap"
	// reauthEvent is what the daemon sends before it ends a stream whose credentials have expired.
	reauthEvent = "hasses.reauth"
)

// handler handles one event. An error ends tail.
type handler func(context.Context, eventsource.Event) error

// reportEnds returns a handler that tells people about gaps and about credentials that have
// expired, and leaves all other events to handle. With pass these two are events as well: a script
// that reads JSON may not see standard error.
func reportEnds(s *session.Session, handle handler, pass bool) handler {
	return func(ctx context.Context, ev eventsource.Event) error {
		switch ev.Type {
		case gapEvent:
			after, until := gapOf(ev)
			s.Note("gap: events after %s up to %s are lost", after, until)
		case reauthEvent:
			s.Note("the token or signed URL of the stream has ended")
		default:
			return handle(ctx, ev)
		}
		if pass {
			return handle(ctx, ev)
		}
		return nil
	}
}

// gapOf returns the ids before and after the events that are lost.
func gapOf(ev eventsource.Event) (after, until string) {
	var gap struct {
		LastEventID string `json:"last_event_id"`
		ResumedAt   string `json:"resumed_at"`
	}
	if json.Unmarshal([]byte(ev.Data), &gap) != nil {
		return "?", ev.ID
	}
	return gap.LastEventID, gap.ResumedAt
}
