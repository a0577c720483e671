package eventlog

import (
	"time"

	"github.com/hassesd/hassesd/internal/sse"
)

// Record is a message that has its place.
type Record struct {
	At      time.Time  // when it got its place
	Frame   *sse.Frame // its number is that of the record
	To      Targets
	Except  string   // the client id that does not get it; "" excepts nobody
	Receipt *Receipt // nil: it was not published at this node
}

// Encoded is a draft with all the work done that needs no place. It is good for one record.
type Encoded struct {
	draft Draft
	body  sse.Draft
}

// Encode does the work that depends on the size of the message, so that the rest can be done under
// a lock.
func (d Draft) Encode() Encoded {
	body, err := sse.NewDraft(d.event)
	if err != nil {
		panic("eventlog: internal error: a checked event is refused: " + err.Error())
	}
	return Encoded{d, body}
}

// Record gives the message its place.
func (e Encoded) Record(id sse.ID, at time.Time, receipt *Receipt) Record {
	return Record{At: at, Frame: e.body.Frame(id), To: e.draft.to, Except: e.draft.except, Receipt: receipt}
}
