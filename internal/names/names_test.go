package names

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckRoom(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, room string
		at         int // -1: valid
	}{
		{"plain", "room624", -1},
		{"a hyphen", "a-b", -1},
		{"blanks and letters of the world", "räume von 東京", -1},
		{"the longest", strings.Repeat("r", MaxRoom), -1},
		{"the replacement character itself", "\uFFFD", -1},
		{"empty", "", 0},
		{"too long", strings.Repeat("r", MaxRoom+1), MaxRoom},
		{"a character across the bound", strings.Repeat("r", MaxRoom-1) + "é", MaxRoom},
		{"a delimiter", "a;b", 1},
		{"an equals sign", "ab=", 2},
		{"a star", "a*b", 1},
		{"a line feed", "a\nb", 1},
		{"C1", "a\u0085", 1},
		{"DEL", "\x7f", 0},
		{"cut UTF-8", "ab\xe2\x82", 2},
	} {
		checkFault(t, tt.name, CheckRoom(tt.room), tt.at)
	}
}

func TestCheckClientID(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, id string
		at       int
	}{
		{"none", "", -1},
		{"any punctuation", "a;b=c*d-e", -1},
		{"the longest", strings.Repeat("x", MaxClientID), -1},
		{"too long", strings.Repeat("x", MaxClientID+1), MaxClientID},
		{"a control character", "x\x00", 1},
		{"not UTF-8", "\xff", 0},
	} {
		checkFault(t, tt.name, CheckClientID(tt.id), tt.at)
	}
}

func checkFault(t *testing.T, name string, err error, at int) {
	t.Helper()
	if err == nil {
		if at >= 0 {
			t.Errorf("%s: accepted, want a fault at %d", name, at)
		}
		return
	}
	var f *Fault
	if !errors.As(err, &f) || f.At != at || f.Reason == "" {
		t.Errorf("%s: error is %#v, want a fault at %d", name, err, at)
	}
}
