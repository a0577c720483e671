package auth

import (
	"strings"
	"testing"
)

func TestPatternCovers(t *testing.T) {
	for _, tt := range []struct {
		pattern, room string
		want          bool
	}{
		{"room1", "room1", true},
		{"room1", "room10", false},
		{"room1", "room", false},
		{"room1", "Room1", false},
		{"news*", "news", true},
		{"news*", "news-de", true},
		{"news*", "new", false},
		{"*", "anything", true},
		{"room1", "", false},
	} {
		p, err := ParsePattern(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Covers(tt.room); got != tt.want {
			t.Errorf("%q covers %q: %v, want %v", tt.pattern, tt.room, got, tt.want)
		}
	}
}

func TestParsePatternRefuses(t *testing.T) {
	for _, text := range []string{"", "a*b", "**", "*a", "a;b", "a=b", "a\nb", "a\x00", "\xff", strings.Repeat("x", 257)} {
		if p, err := ParsePattern(text); err == nil {
			t.Errorf("%q is taken for %q", text, p)
		}
	}
	if _, err := ParsePattern(strings.Repeat("x", 256) + "*"); err != nil {
		t.Errorf("the longest prefix: %v", err)
	}
}

func TestFirstRefused(t *testing.T) {
	for _, tt := range []struct {
		name    string
		granted []Pattern
		rooms   []string
		all     bool
		want    string // empty: none
	}{
		{"all of them", []Pattern{"a", "b*"}, []string{"a", "b", "bc"}, false, ""},
		{"the first in the client's order", []Pattern{"a"}, []string{"a", "z", "b"}, false, "z"},
		{"nothing granted", nil, []string{"a"}, false, "a"},
		{"every room needs a star", []Pattern{"a", "b*"}, nil, true, "*"},
		{"a star for every room", []Pattern{"a", "*"}, nil, true, ""},
		{"a star for any room", []Pattern{"*"}, []string{"x"}, false, ""},
	} {
		g := Grant{Rooms: tt.granted}
		got, refused := g.FirstRefused(tt.rooms, tt.all)
		if got != tt.want || refused != (tt.want != "") {
			t.Errorf("%s: %q %v, want %q", tt.name, got, refused, tt.want)
		}
	}
}
