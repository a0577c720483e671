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

// Encode does the work that depends on the size of the message and needs no place, so that the rest
// can be done under a lock. What it returns is good for one record.
func (d *Draft) Encode() sse.Draft {
	body, err := sse.NewDraft(d.event)
	if err != nil {
		panic("eventlog: internal error: a checked event is refused: " + err.Error())
	}
	return body
}

// Record gives the message, which Encode has encoded, its place.
func (d *Draft) Record(body sse.Draft, id sse.ID, at time.Time, receipt *Receipt) Record {
	return Record{At: at, Frame: body.Frame(id), To: d.to, Except: d.except, Receipt: receipt}
}
