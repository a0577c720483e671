package names

import "strings"

// Kind states how the name of a [Target] is meant.
type Kind uint8

// The kinds of targets.
const (
	Room   Kind = iota // the room of that name
	Prefix             // every room whose name begins so
	All                // every room; the name is empty
)

// A Target is a set of rooms: one ("room624"), those whose names begin alike ("room6*") or all of
// them ("*"). Publishers send to targets, and grants consist of them. Targets are comparable; the
// zero value is not a valid target.
type Target struct {
	Kind Kind
	Name string
}

// Everything is the target "*".
var Everything = Target{Kind: All} //nolint:gochecknoglobals // a constant in all but the language

// ParseTarget reads "room", "prefix*" or "*". The error is a *Fault.
func ParseTarget(s string) (Target, error) {
	t := Target{Kind: Room, Name: s}
	if prefix, ok := strings.CutSuffix(s, "*"); ok {
		if prefix == "" {
			return Everything, nil
		}
		t = Target{Kind: Prefix, Name: prefix}
	}
	if err := CheckRoom(t.Name); err != nil {
		return Target{}, err
	}
	return t, nil
}

// String returns the form that ParseTarget reads.
func (t Target) String() string {
	switch t.Kind {
	case Prefix, All:
		return t.Name + "*"
	case Room:
	}
	return t.Name
}

// Check returns a *Fault unless ParseTarget could have returned t.
func (t Target) Check() error {
	switch t.Kind {
	case Room, Prefix:
		return CheckRoom(t.Name)
	case All:
		if t.Name != "" {
			return &Fault{0, "names a room although it means all of them"}
		}
		return nil
	}
	return &Fault{0, "is of an unknown kind"}
}

// Has reports whether the room is one of the target's.
func (t Target) Has(room string) bool {
	switch t.Kind {
	case Room:
		return room == t.Name
	case Prefix:
		return strings.HasPrefix(room, t.Name)
	case All:
		return true
	}
	return false
}

// Covers reports whether every room of other is one of t's.
func (t Target) Covers(other Target) bool {
	switch other.Kind {
	case Room:
		return t.Has(other.Name)
	case Prefix:
		return t.Kind == All || t.Kind == Prefix && strings.HasPrefix(other.Name, t.Name)
	case All:
		return t.Kind == All
	}
	return false
}
