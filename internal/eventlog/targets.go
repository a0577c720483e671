package eventlog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hassesd/hassesd/internal/names"
)

// Bounds of the targets of one message.
const (
	MaxTargets  = 1000 // bounds the work of one message under the hub's lock
	MaxPrefixes = 100  // those that a shorter one of the same message covers do not count; each is a search on every loop
)

// Targets are the targets of one message, reduced: rooms before prefixes, each sorted by name, and
// none that adds nothing to the others.
type Targets []names.Target

// Reduce checks targets and returns a copy, sorted, without those that add nothing: doubles, rooms
// and prefixes that a prefix among them covers, and all others beside "*". The error is an
// *InvalidError.
func Reduce(to []names.Target) (Targets, error) {
	switch {
	case len(to) == 0:
		return nil, &InvalidError{Field: "to", Reason: "is empty"}
	case len(to) > MaxTargets:
		return nil, &InvalidError{Field: "to", Reason: fmt.Sprintf("has more than %d targets", MaxTargets)}
	}
	for _, t := range to {
		if err := t.Check(); err != nil {
			return nil, &InvalidError{Field: "to", Reason: err.Error()}
		}
	}
	if slices.Contains(to, names.Everything) {
		return Targets{names.Everything}, nil
	}
	reduced := append(make(Targets, 0, len(to)), to...) // of the exact size: the history keeps it
	if len(reduced) > 1 {
		slices.SortFunc(reduced, compareTargets)
		reduced = slices.Clip(dropCovered(slices.Compact(reduced)))
	}
	return reduced, nil
}

// checkPrefixes refuses more prefixes than one message may have.
func (to Targets) checkPrefixes() error {
	if len(to) > MaxPrefixes && len(to)-firstPrefix(to) > MaxPrefixes {
		return &InvalidError{
			Field:  "to",
			Reason: fmt.Sprintf("has more than %d prefixes", MaxPrefixes),
			Hint:   "use shorter prefixes, or several messages; what a prefix of the same message covers does not count",
		}
	}
	return nil
}

// compareTargets puts rooms before prefixes.
func compareTargets(a, b names.Target) int {
	if a.Kind != b.Kind {
		return int(a.Kind) - int(b.Kind)
	}
	return strings.Compare(a.Name, b.Name)
}

// Split returns the rooms, or "*", and the prefixes.
func (to Targets) Split() (rooms, prefixes Targets) {
	first := firstPrefix(to)
	return to[:first], to[first:]
}

// Find returns the index of the target of exactly that name among targets of one kind.
func (to Targets) Find(name string) (int, bool) {
	return slices.BinarySearchFunc(to, name, compareName)
}

// PrefixOf returns the index of the prefix of name among prefixes: there is one at most.
func (to Targets) PrefixOf(name string) (int, bool) { return prefixOf(to, name) }

func compareName(t names.Target, name string) int { return strings.Compare(t.Name, name) }

// firstPrefix is where the prefixes begin in targets that are sorted.
func firstPrefix(to []names.Target) int {
	at, _ := slices.BinarySearchFunc(to, names.Prefix, func(t names.Target, kind names.Kind) int { return int(t.Kind) - int(kind) })
	return at
}

// dropCovered removes, in place, the rooms and prefixes that begin with another prefix. to is
// sorted and has no doubles.
func dropCovered(to []names.Target) []names.Target {
	first := firstPrefix(to)
	if first == len(to) {
		return to
	}
	// Whatever begins with a prefix follows it without a gap, so the one kept last is the only one
	// to compare with.
	prefixes := to[first : first+1]
	for _, t := range to[first+1:] {
		if !strings.HasPrefix(t.Name, prefixes[len(prefixes)-1].Name) {
			prefixes = append(prefixes, t)
		}
	}
	rooms := to[:0]
	for _, t := range to[:first] {
		if _, covered := prefixOf(prefixes, t.Name); !covered {
			rooms = append(rooms, t)
		}
	}
	return append(rooms, prefixes...)
}

// prefixOf finds the prefix of name among prefixes that are sorted and do not cover each other:
// there is one at most, and it is the last that is not behind name.
func prefixOf(prefixes []names.Target, name string) (int, bool) {
	at, found := slices.BinarySearchFunc(prefixes, name, compareName)
	if !found {
		at--
	}
	if at < 0 || !strings.HasPrefix(name, prefixes[at].Name) {
		return 0, false
	}
	return at, true
}
