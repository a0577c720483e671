package jetstream

import (
	"time"

	"github.com/hassesd/hassesd/internal/sse"
)

// kind is what a record is for. The last part of its subject names it.
type kind string

// The kinds. A node skips kinds that it does not know.
const (
	kindMessage kind = "msg"
	kindEpoch   kind = "epoch"
	kindKick    kind = "kick"
)

// entry is what order needs to know of a record of the stream.
type entry struct {
	seq      uint64
	kind     kind
	id       string // Nats-Msg-Id; "" if it has none
	readable bool   // false: of a version that this node does not know, or damaged
	epoch    string // under which it counts
	after    uint64 // of a message: what its publisher had read; less than seq, if the stream has lost nothing
	since    uint64 // of an epoch record: after which number the epoch begins; 0: after this record
	created  int64  // of an epoch record: when the stream was created, in nanoseconds since 1970
}

// start returns after which number the epoch of an epoch record begins.
func (e *entry) start() uint64 {
	if e.since == 0 {
		return e.seq
	}
	return e.since
}

// verdict is what becomes of a record.
type verdict uint8

const (
	skip    verdict = iota // it has a number and delivers nothing
	void                   // the same: a record that does not count
	deliver                // it counts
	begins                 // another epoch begins
	unknown                // this node cannot read it
	unsure                 // whether it came before, only those know that have read what is gone
	suspect                // the stream is not what it was: look again
)

// order decides what each record means: by the records alone, so that all nodes decide alike. It
// does no I/O and reads no clock.
type order struct {
	epoch    string // "" until the stream was looked at
	position uint64 // number of the newest record that was read
	since    uint64 // after which number the epoch began
	created  int64  // of the stream that position is in, in nanoseconds since 1970

	from    uint64 // everything after this number was read
	cleared uint64 // no gap that ends up to this number hides another epoch
	markAt  uint64 // number of the newest record that states the epoch

	past      voids  // epochs whose records do not count
	suspected string // an epoch that nobody knew
	isUntold  bool   // the follower was not put where another epoch was adopted; see told
	isLost    bool   // a record proves that the stream has lost its end
	recent    recentIDs
}

// id returns the id of the position.
func (o *order) id() sse.ID { return sse.ID{Epoch: o.epoch, Seq: o.position} }

// next decides about a record, and moves the position to it, but where it is suspect. If base is
// not nil, the follower is put there before the record is delivered: what is in front is not known.
func (o *order) next(e *entry) (v verdict, base *sse.ID) {
	if e.seq <= o.position {
		return suspect, nil
	}
	hasGap := e.seq > o.position+1
	if hasGap && e.seq > o.cleared {
		return suspect, nil // another epoch may have begun in it
	}
	if hasGap {
		o.from = e.seq - 1
	}
	v = o.judge(e)
	if v == suspect {
		return v, nil
	}
	o.position = e.seq
	switch {
	case v == begins:
		o.from = e.seq
		return v, &sse.ID{Epoch: o.epoch, Seq: e.seq}
	case v == unknown || v == unsure:
		return v, &sse.ID{Epoch: o.epoch, Seq: e.seq}
	case hasGap: // records were dropped before they came here
		return v, &sse.ID{Epoch: o.epoch, Seq: e.seq - 1}
	}
	return v, nil
}

// judge decides about a record whatever its number is.
func (o *order) judge(e *entry) verdict {
	switch e.kind {
	case kindEpoch:
		return o.judgeEpoch(e)
	case kindMessage, kindKick:
		return o.judgeMessage(e)
	}
	return skip
}

func (o *order) judgeEpoch(e *entry) verdict {
	switch {
	case !e.readable:
		return suspect
	case e.epoch == o.epoch: // a node states it again, so that the stream keeps it
		o.markAt = e.seq
		return skip
	case o.past.has(e.epoch):
		return void // stated again by a node that did not know yet
	case e.since != 0 || !sse.IsLaterEpoch(e.epoch, o.epoch):
		o.suspected = e.epoch
		return suspect
	}
	o.begin(e)
	return begins
}

// takeBack undoes next for a record that was to be delivered and was not.
func (o *order) takeBack(e *entry) {
	o.position = e.seq - 1
	o.recent.remove(e.id)
}

// begin makes the epoch of an epoch record the current one.
func (o *order) begin(e *entry) {
	o.past.add(o.epoch)
	o.epoch, o.since, o.markAt = e.epoch, e.start(), e.seq
	o.isLost, o.suspected = false, ""
	o.recent = recentIDs{}
}

func (o *order) judgeMessage(e *entry) verdict {
	switch {
	case !e.readable:
		return unknown
	case e.epoch != o.epoch:
		if o.past.has(e.epoch) {
			return void // its publisher did not know the epoch yet, and was not answered
		}
		o.suspected = e.epoch
		return suspect
	case e.after >= e.seq:
		// Its publisher had read as far as that before: the number was given already.
		o.isLost = true
		return suspect
	case !o.recent.add(e.id):
		return void // it was published again, for want of an answer
	}
	if e.after < o.from {
		return unsure
	}
	return deliver
}

// look is what the stream is at one moment.
type look struct {
	created     int64
	first, last uint64 // first is last+1 if the stream is empty
	mark        *entry // the newest epoch record; nil: there is none
}

// plan is what a session does after it has looked.
type plan struct {
	from   uint64  // follow from this number
	rebase *sse.ID // put the follower here before
	write  *write  // write an epoch record and look again; nothing else is set
	wait   bool    // the same may be no more than a moment's weakness: look again first
}

// write is the record of a new epoch that must be written.
type write struct {
	last uint64 // the number that the stream must still end with
}

// settle is how long a stream that has lost records is watched before a new epoch begins: while
// brokers elect a leader, its end may fall for a moment.
const settle = 3 * time.Second

// resume decides how to go on with a stream. lostFor is how long it has looked as if it had lost
// records, while brokers answered.
func (o *order) resume(l look, lostFor time.Duration) plan {
	isSame := o.epoch != "" && o.created == l.created
	o.cleared = 0
	switch {
	case l.mark == nil || l.mark.created != l.created:
		// Nobody has begun an epoch in this stream, or it was purged. Then a node that follows it
		// states the epoch again.
		if o.epoch == "" && l.last == 0 {
			return plan{write: &write{last: 0}}
		}
		return renew(l, lostFor)
	case isSame && l.mark.epoch == o.epoch:
		if l.last < o.position || o.isLost {
			return renew(l, lostFor)
		}
		o.past.add(o.suspected) // the log knows nothing of it
		o.suspected = ""
		o.markAt, o.cleared = max(o.markAt, l.mark.seq), l.last
		p := plan{from: o.position + 1}
		if o.isUntold { // the session that has adopted the epoch ended before it could follow
			base := o.id()
			p.rebase = &base
		}
		return p
	case o.epoch != "" && !sse.IsLaterEpoch(l.mark.epoch, o.epoch): // even the record that began the epoch is lost
		return renew(l, lostFor)
	}
	// What is left between the position and the other epoch is not read: yet another epoch may have
	// begun at or before the position, and its record may be gone. Clients get a gap here anyway.
	return o.adopt(l)
}

// renew begins a new epoch behind what is left of a stream that has lost records.
func renew(l look, lostFor time.Duration) plan {
	if lostFor < settle {
		return plan{wait: true}
	}
	return plan{write: &write{last: l.last}}
}

// adopt takes the epoch that the stream has, and what it still has of it.
func (o *order) adopt(l look) plan {
	o.begin(l.mark)
	o.created = l.created
	o.position = max(l.first-1, o.since)
	o.from, o.cleared, o.isUntold = o.position, l.last, true
	base := o.id()
	return plan{from: o.position + 1, rebase: &base}
}

// told notes that the follower was put where the plan said.
func (o *order) told() { o.isUntold = false }

// voids are epochs whose records do not count, the newest ones.
type voids struct {
	epochs [maxVoids]string
	next   int
}

const maxVoids = 16

func (v *voids) add(epoch string) {
	if epoch == "" || v.has(epoch) {
		return
	}
	v.epochs[v.next%maxVoids] = epoch
	v.next++
}

func (v *voids) has(epoch string) bool {
	for _, known := range v.epochs {
		if known == epoch {
			return epoch != ""
		}
	}
	return false
}

// recentIDs are the ids of the newest records. The brokers refuse what they know already; a record
// that is published again while they elect a leader may be in the stream twice.
type recentIDs struct {
	known map[string]struct{}
	ring  []string
	next  int
}

// maxRecent is more than all nodes have in flight.
const maxRecent = 8192

// add reports whether the id is new.
func (r *recentIDs) add(id string) bool {
	if id == "" {
		return true
	}
	if _, known := r.known[id]; known {
		return false
	}
	if r.known == nil {
		r.known = make(map[string]struct{})
	}
	if len(r.ring) < maxRecent {
		r.ring = append(r.ring, id)
	} else {
		delete(r.known, r.ring[r.next]) // after remove, it may be there twice: the older one goes first
		r.ring[r.next] = id
		r.next = (r.next + 1) % maxRecent
	}
	r.known[id] = struct{}{}
	return true
}

// remove forgets the id that was added last.
func (r *recentIDs) remove(id string) { delete(r.known, id) }
