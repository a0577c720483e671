package names

import (
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		want Target
	}{
		{"room624", Target{Room, "room624"}},
		{"room6*", Target{Prefix, "room6"}},
		{"*", Everything},
	} {
		got, err := ParseTarget(tt.text)
		if err != nil || got != tt.want || got.String() != tt.text {
			t.Errorf("ParseTarget(%q) = %v (%q), %v; want %v", tt.text, got, got, err, tt.want)
		}
	}
	for _, bad := range []string{"", "**", "a**", "*a", "a=b", "a\n*", strings.Repeat("a", MaxRoom+1) + "*"} {
		if got, err := ParseTarget(bad); err == nil || got != (Target{}) {
			t.Errorf("ParseTarget(%q) = %v, %v; want an error", bad, got, err)
		}
	}
}

func TestTargetsCover(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		outer, inner string
		want         bool
	}{
		{"*", "*", true},
		{"*", "a*", true},
		{"*", "a", true},
		{"a*", "*", false},
		{"a*", "a*", true},
		{"a*", "ab*", true},
		{"ab*", "a*", false},
		{"a*", "a", true},
		{"a*", "b", false},
		{"a", "a", true},
		{"a", "a*", false},
		{"a", "*", false},
		{"a", "b", false},
	} {
		outer, inner := parse(t, tt.outer), parse(t, tt.inner)
		if got := outer.Covers(inner); got != tt.want {
			t.Errorf("%s covers %s: %v, want %v", outer, inner, got, tt.want)
		}
		if inner.Kind == Room && outer.Has(inner.Name) != tt.want {
			t.Errorf("%s has %s: %v, want %v", outer, inner.Name, !tt.want, tt.want)
		}
	}
}

func TestCheckOfTargets(t *testing.T) {
	t.Parallel()
	for _, bad := range []Target{{}, {Kind: All, Name: "a"}, {Kind: Prefix}, {Kind: Room, Name: "a*"}, {Kind: 9, Name: "a"}} {
		if bad.Check() == nil {
			t.Errorf("%#v is accepted", bad)
		}
	}
}

func parse(t *testing.T, s string) Target {
	t.Helper()
	target, err := ParseTarget(s)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// FuzzNames holds that the grammar is one: what is accepted survives every door it has to pass.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{
		"", "*", "room624", "room6*", "a-b", "a;b", "a=b", "a**", "é", "\xff", "a\nb", "\uFFFD", "\u0085",
		strings.Repeat("r", MaxRoom), strings.Repeat("r", MaxRoom-1) + "é",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		target, err := ParseTarget(s)
		if err == nil {
			if target.String() != s || target.Check() != nil || !target.Covers(target) || !Everything.Covers(target) {
				t.Fatalf("%q parses as %#v, which is not the same thing", s, target)
			}
			if target.Kind != All && (CheckRoom(target.Name) != nil || !target.Has(target.Name)) {
				t.Fatalf("%q is a target, but %q is not a room of it", s, target.Name)
			}
		}
		if room := CheckRoom(s) == nil; room != (err == nil && target.Kind == Room) {
			t.Fatalf("%q: a room: %v; a target: %#v, %v", s, room, target, err)
		}
		if CheckRoom(s) == nil && len(s) <= MaxClientID && CheckClientID(s) != nil {
			t.Fatalf("%q is a room and no client id", s)
		}
		for _, err := range []error{err, CheckRoom(s), CheckClientID(s)} {
			if fault, ok := err.(*Fault); err != nil && (!ok || fault.At < 0 || fault.At > len(s)) { //nolint:errorlint // exact type promised
				t.Fatalf("%q: error %#v", s, err)
			}
		}
	})
}
