package hub

import (
	"time"

	"github.com/hassesd/hassesd/internal/names"
)

// generations is into how many parts the index of a full history is cut, by each of the three limits. A replay of all of
// it looks up its rooms in each part; a part is given back when the last of its records has left.
const generations = 4

// numbers are those of messages, ascending.
type numbers []uint64

// generation is the index of records that came one after the other: for each target the numbers of those that were sent
// to it.
type generation struct {
	last     uint64        // number of the newest record
	began    time.Duration // when its first record was published
	events   int
	bytes    int64
	targets  map[names.Target]*numbers // all but prefixes
	prefixes prefixTree
}

func newGeneration(at time.Duration) *generation {
	return &generation{began: at, targets: make(map[names.Target]*numbers)}
}

// isFull reports whether the next record, published at that time, belongs to another generation.
func (g *generation) isFull(l HistoryLimits, at time.Duration) bool {
	return g.events >= max(1, l.Events/generations) || g.bytes >= l.Bytes/generations || at-g.began >= l.Age/generations
}

// add notes down the next record. before is the generation before it, or nil: a room that was busy then will be again.
func (g *generation) add(rec *record, before *generation) {
	g.last = rec.frame.Seq()
	g.events++
	g.bytes += rec.size
	for _, t := range rec.to {
		seqs := g.targets[t]
		switch {
		case t.Kind == names.Prefix:
			seqs = g.prefixes.at(t.Name)
		case seqs == nil:
			seqs = new(numbers)
			g.targets[t] = seqs
			if before != nil && before.targets[t] != nil {
				*seqs = make(numbers, 0, len(*before.targets[t]))
			}
		}
		*seqs = append(*seqs, g.last)
	}
}

// of returns the numbers of the messages to a target; nil or empty if there are none.
func (g *generation) of(t names.Target) *numbers {
	if t.Kind != names.Prefix {
		return g.targets[t]
	}
	return g.prefixes.find(t.Name)
}
