package hub

import (
	"time"

	"github.com/hassesd/hassesd/internal/names"
)

// generations is into how many parts the index of a full history is cut, by each of the three
// limits. A replay of all of it looks up its rooms in each part; a part is given back when the last
// of its records has left.
const generations = 4

// generation is the index of records that came one after the other: for each target the ordinals of
// those that were sent to it.
type generation struct {
	last     uint64        // ordinal of the newest record
	began    time.Duration // when its first record was published
	events   int
	bytes    int64
	targets  map[names.Target]*ordinals // all but prefixes
	prefixes prefixTree
}

func newGeneration(at time.Duration) *generation {
	return &generation{began: at, targets: make(map[names.Target]*ordinals)}
}

// isFull reports whether the next record, published at that time, belongs to another generation.
func (g *generation) isFull(l HistoryLimits, at time.Duration) bool {
	return g.events >= max(1, l.Events/generations) || g.bytes >= l.Bytes/generations || at-g.began >= l.Age/generations
}

// add notes down the record of that ordinal. before is the generation before it, or nil: a room
// that was busy then will be again.
func (g *generation) add(rec *record, ordinal uint64, before *generation) {
	g.last = ordinal
	g.events++
	g.bytes += rec.size
	for _, t := range rec.to {
		found := g.targets[t]
		switch {
		case t.Kind == names.Prefix:
			found = g.prefixes.at(t.Name)
		case found == nil:
			found = new(ordinals)
			g.targets[t] = found
			if before != nil && before.targets[t] != nil {
				*found = make(ordinals, 0, len(*before.targets[t]))
			}
		}
		*found = append(*found, g.last)
	}
}

// of returns the ordinals of the records for a target; nil or empty if there are none.
func (g *generation) of(t names.Target) *ordinals {
	if t.Kind != names.Prefix {
		return g.targets[t]
	}
	return g.prefixes.find(t.Name)
}
