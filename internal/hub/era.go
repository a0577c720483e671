package hub

import "github.com/hassesd/hassesd/internal/sse"

// maxEras bounds how many former epochs are known by their numbers.
const maxEras = 8

// era is a time between two calls of Rebase. The numbers of the log may fall when its epoch
// changes; those of the hub only grow, so that everything in it can be compared by number. All of
// it is guarded by Hub.mu.
type era struct {
	epoch string
	from  uint64 // the number that the hub had at its beginning
	base  uint64 // what is added to a number of the log; it wraps around where those fall
}

// eras are those of a hub, the oldest first; there is always one.
type eras []era

// current returns the newest one, which counts now.
func (e eras) current() *era { return &e[len(e)-1] }

// id returns the id of the hub's number.
func (e eras) id(seq uint64) sse.ID {
	i := len(e) - 1
	for i > 0 && seq < e[i].from {
		i--
	}
	return sse.ID{Epoch: e[i].epoch, Seq: seq - e[i].base}
}

// begin adds an era in which the hub's number seq is that of id.
func (e eras) begin(seq uint64, id sse.ID) eras {
	if len(e) == maxEras {
		e = append(e[:0], e[1:]...)
	}
	return append(e, era{epoch: id.Epoch, from: seq, base: seq - id.Seq})
}

// moved returns the number that has become of seq, which was given before the mark, and reports
// whether it is not in front of the mark, within one epoch of the log.
func (e eras) moved(seq, mark uint64) (now uint64, isPast bool) {
	for i := len(e) - 1; i > 0; i-- {
		was, is := &e[i-1], &e[i]
		if is.from == mark {
			number := seq - was.base // of the log, as the hub's may wrap around
			return number + is.base, was.epoch == is.epoch && number >= mark-is.base
		}
	}
	return 0, false
}
