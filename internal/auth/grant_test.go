package auth

import (
	"cmp"
	"testing"

	"github.com/hassesd/hassesd/internal/names"
)

func TestFirstRefused(t *testing.T) {
	for _, tt := range []struct {
		name    string
		granted []string
		rooms   []string
		all     bool
		want    string // empty: none
	}{
		{"all of them", []string{"a", "b*"}, []string{"a", "b", "bc"}, false, ""},
		{"the first in the client's order", []string{"a"}, []string{"a", "z", "b"}, false, "z"},
		{"nothing granted", nil, []string{"a"}, false, "a"},
		{"every room needs a star", []string{"a", "b*"}, nil, true, "*"},
		{"a star for every room", []string{"a", "*"}, nil, true, ""},
		{"a star for any room", []string{"*"}, []string{"x"}, false, ""},
	} {
		g := Grant{Rooms: targets(t, tt.granted...)}
		got, refused := g.FirstRefused(tt.rooms, tt.all)
		if got != tt.want || refused != (tt.want != "") {
			t.Errorf("%s: %q %v, want %q", tt.name, got, refused, tt.want)
		}
	}
}

func targets(t testing.TB, texts ...string) []names.Target {
	t.Helper()
	all, err := parseTargets(texts)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func byName(a, b names.Target) int { return cmp.Compare(a.Name, b.Name) }
