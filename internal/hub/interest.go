package hub

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
)

// interest tells which rooms the streams of a shard may listen to, so that a record for few rooms
// does not wake the loops that have nobody there. It errs on one side only: it may count a room
// that has nobody, never the other way round.
//
// The loop counts a stream before it takes the lock of the hub, in which the stream's place among
// the records is fixed. So a record that comes after that place finds the stream counted.
type interest struct {
	streams    atomic.Int32               // subscribed
	everywhere atomic.Int32               // those of them that listen to every room
	rooms      [interestSize]atomic.Int32 // members of all rooms with one hash
	members    int                        // sum of rooms; owned by the loop, for Check
}

// interestSize is how many counters a shard has, 256 KiB. With as many rooms as counters, a record
// still passes by every third loop that has nobody for it.
const interestSize = 1 << 16

// hashedTargets is how many targets of a record are looked at. One with more is for every loop.
const hashedTargets = 8

// hashes are the targets of a record as interest knows them.
type hashes struct {
	rooms     [hashedTargets]uint16
	n         int
	unbounded bool // a prefix, every stream, or too many
}

// hashRoom returns the counter of a room.
func hashRoom(seed maphash.Seed, room string) uint16 { return uint16(maphash.String(seed, room)) }

// hash prepares the targets of a record.
func hash(seed maphash.Seed, to eventlog.Targets) (h hashes) {
	for _, t := range to {
		if t.Kind != names.Room || h.n == hashedTargets {
			return hashes{unbounded: true}
		}
		h.rooms[h.n] = hashRoom(seed, t.Name)
		h.n++
	}
	return h
}

// has reports whether a stream of the shard may be for a record.
func (in *interest) has(h *hashes) bool {
	if in.streams.Load() == 0 {
		return false
	}
	if h.unbounded || in.everywhere.Load() > 0 {
		return true
	}
	for _, room := range h.rooms[:h.n] {
		if in.rooms[room].Load() > 0 {
			return true
		}
	}
	return false
}

// add counts a stream that joins its groups (1), or leaves them (-1).
func (in *interest) add(seed maphash.Seed, st *Stream, change int32) {
	in.streams.Add(change)
	for m := range st.rooms {
		switch m.group.kind {
		case allGroup:
			in.everywhere.Add(change)
		case roomGroup:
			in.rooms[hashRoom(seed, m.group.name)].Add(change)
			in.members += int(change)
		case everyGroup, idGroup:
		}
	}
}
