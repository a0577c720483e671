package sse

import (
	"math"
	"strings"
	"testing"
)

func TestParseID(t *testing.T) {
	tests := []struct {
		in   string
		want ID
		ok   bool
	}{
		{"e-0", ID{"e", 0}, true},
		{"k3x9-17", ID{"k3x9", 17}, true},
		{"0-18446744073709551615", ID{"0", math.MaxUint64}, true},
		{strings.Repeat("a", MaxEpoch) + "-1", ID{strings.Repeat("a", MaxEpoch), 1}, true},
		{"", ID{}, false},
		{"-", ID{}, false},
		{"e-", ID{}, false},
		{"-1", ID{}, false},
		{"17", ID{}, false},
		{"e-18446744073709551616", ID{}, false},
		{"e-01", ID{}, false},
		{"e-00", ID{}, false},
		{"e-+1", ID{}, false},
		{"e--1", ID{}, false},
		{"e-1 ", ID{}, false},
		{" e-1", ID{}, false},
		{"e-0x1", ID{}, false},
		{"e-1_0", ID{}, false},
		{"e-\u0661", ID{}, false},
		{"E-1", ID{}, false},
		{"a-b-1", ID{}, false},
		{"é-1", ID{}, false},
		{strings.Repeat("a", MaxEpoch+1) + "-1", ID{}, false},
		{"e-" + strings.Repeat("9", 1<<16), ID{}, false},
	}
	for _, tt := range tests {
		if got, ok := ParseID(tt.in); got != tt.want || ok != tt.ok {
			t.Errorf("ParseID(%q) = %v, %v, want %v, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

func TestIsLaterEpoch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{{"b", "a", true}, {"a", "b", false}, {"a", "a", false}, {"10", "z", true}, {"z", "10", false}, {"a", "", true}} {
		if got := IsLaterEpoch(tt.a, tt.b); got != tt.want {
			t.Errorf("IsLaterEpoch(%q, %q) = %t", tt.a, tt.b, got)
		}
	}
}

func TestIDAppend(t *testing.T) {
	id := ID{"k3x9", 17}
	if got := string(id.Append([]byte("id: "))); got != "id: k3x9-17" {
		t.Errorf("Append = %q", got)
	}
	if got := id.String(); got != "k3x9-17" {
		t.Errorf("String = %q", got)
	}
}

// FuzzParseID checks that an accepted text is exactly the one String writes.
func FuzzParseID(f *testing.F) {
	for _, seed := range []string{"e-1", "k3x9-18446744073709551615", "e-01", "--", "a-b-1", "e-18446744073709551616", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := ParseID(s)
		switch {
		case !ok && id != ID{}:
			t.Errorf("ParseID(%q) refuses and returns %v", s, id)
		case ok && (id.String() != s || !ValidEpoch(id.Epoch)):
			t.Errorf("ParseID(%q) = %v, which is written %q", s, id, id)
		}
	})
}
