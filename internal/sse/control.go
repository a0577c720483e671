package sse

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// GapEvent is the name of the event that tells a client that events are missing.
const GapEvent = "hasses.gap"

// maxGapID bounds how much of a stranger's Last-Event-ID a gap repeats, in bytes.
const maxGapID = 128

// comment is immutable and therefore one for all streams.
var comment = &Frame{bytes: []byte(":\n\n")}

// Preface is the first frame of a stream: how long to wait before a reconnect, and where the stream
// starts, so that a client that has not seen an event yet can resume.
func Preface(retry time.Duration, id ID) []byte {
	b := make([]byte, 0, len("retry: \n\n")+20+headroom)
	b = appendRetry(b, retry)
	b = append(b, "id: "...)
	b = id.Append(b)
	return append(b, "\n\n"...)
}

// Farewell is the last frame of a stream that asks the client to come back after retry.
func Farewell(retry time.Duration) []byte {
	return append(appendRetry(nil, retry), '\n')
}

// Gap is the event that says that what lies after lastEventID, up to and including resumedAt, will not
// come. lastEventID may be anything a client has sent: it is made valid UTF-8, cut and escaped.
func Gap(lastEventID string, resumedAt ID) *Frame {
	resumed := resumedAt.String()
	var data strings.Builder
	enc := json.NewEncoder(&data)
	enc.SetEscapeHTML(false) // the id comes out as it went in
	if err := enc.Encode(struct {
		LastEventID string `json:"last_event_id"`
		ResumedAt   string `json:"resumed_at"`
	}{printable(lastEventID), resumed}); err != nil {
		panic("sse: internal error: a gap cannot be encoded: " + err.Error())
	}
	b := appendField(nil, "id", resumed)
	b = appendField(b, "event", GapEvent)
	b = appendField(b, "data", strings.TrimSuffix(data.String(), "\n"))
	return &Frame{bytes: append(b, '\n')}
}

// printable cuts s to maxGapID bytes of valid UTF-8, never inside a character.
func printable(s string) string {
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
	// A broken byte becomes "?", which is not longer, so that the bound holds.
	return strings.ToValidUTF8(s, "?")
}

// Comment is a heartbeat that no client sees as an event.
func Comment() *Frame { return comment }

// Heartbeat is a heartbeat that clients see as an event of that name, without data and without id. A
// name that Event.Check refuses gives a comment instead.
func Heartbeat(event string) *Frame {
	if event == "" || (Event{Name: event}).Check() != nil {
		return comment
	}
	return &Frame{bytes: []byte("event: " + event + "\ndata:\n\n")}
}
