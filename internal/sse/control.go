package sse

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// GapEvent is the name of the event that tells a client that events are missing.
const GapEvent = "hasses.gap"

// maxGapID bounds how much of a client's Last-Event-ID a gap repeats, in bytes.
const maxGapID = 128

// comment is immutable, so all streams share it.
var comment = &Frame{bytes: []byte(":\n\n")}

// Preface returns the first frame of a stream. It states how long to wait before a reconnect, and
// the position at which the stream starts, so that a client can resume before its first event.
func Preface(retry time.Duration, id ID) []byte {
	b := make([]byte, 0, len("retry: \n\n")+20+headroom)
	b = appendRetry(b, retry)
	b = append(b, "id: "...)
	b = id.Append(b)
	return append(b, "\n\n"...)
}

// LastFrame returns the last frame of a stream. It asks the client to reconnect after retry.
func LastFrame(retry time.Duration) []byte {
	return append(appendRetry(nil, retry), '\n')
}

// Gap returns the event that states that the events after lastEventID, up to and including
// resumedAt, are missing. lastEventID may be anything that a client has sent: Gap makes it valid
// UTF-8, cuts it and escapes it.
func Gap(lastEventID string, resumedAt ID) *Frame {
	resumed := resumedAt.String()
	var data strings.Builder
	enc := json.NewEncoder(&data)
	enc.SetEscapeHTML(false) // keeps <, > and & of the id
	if err := enc.Encode(struct {
		LastEventID string `json:"last_event_id"`
		ResumedAt   string `json:"resumed_at"`
	}{boundedID(lastEventID), resumed}); err != nil {
		panic("sse: internal error: a gap cannot be encoded: " + err.Error())
	}
	b := appendField(nil, "id", resumed)
	b = appendField(b, "event", GapEvent)
	b = appendField(b, "data", strings.TrimSuffix(data.String(), "\n"))
	return &Frame{bytes: append(b, '\n')}
}

// boundedID returns s as at most maxGapID bytes of valid UTF-8, without cutting a character.
func boundedID(s string) string {
	if len(s) > maxGapID {
		s = s[:maxGapID]
		for i := 1; i < utf8.UTFMax && i <= len(s); i++ {
			if start := len(s) - i; utf8.RuneStart(s[start]) {
				if !utf8.FullRuneInString(s[start:]) {
					s = s[:start]
				}
				break
			}
		}
	}
	// "?" replaces an invalid byte. It is not longer, so the bound holds.
	return strings.ToValidUTF8(s, "?")
}

// Comment returns a heartbeat that clients do not see as an event.
func Comment() *Frame { return comment }

// Heartbeat returns a heartbeat that clients see as an event of that name, without data and id. For
// a name that Event.Check refuses, it returns a comment.
func Heartbeat(event string) *Frame {
	if event == "" || (Event{Name: event}).Check() != nil {
		return comment
	}
	return &Frame{bytes: []byte("event: " + event + "\ndata:\n\n")}
}
