package systemd

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestStates(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		states []State
		want   string
	}{
		{"ready", []State{Ready}, "READY=1"},
		{"reload", []State{Reloading(1500 * time.Microsecond), Status("reloading")}, "RELOADING=1\nMONOTONIC_USEC=1500\nSTATUS=reloading"},
		{"stop", []State{Stopping, ExtendTimeout(30 * time.Second)}, "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000"},
		{"a time that has passed", []State{ExtendTimeout(-time.Second)}, "EXTEND_TIMEOUT_USEC=0"},
		{"a status of two lines says nothing else", []State{Status("a\nREADY=1\r\x00")}, "STATUS=a READY=1  "},
		{"kept", []State{storing("kept-https")}, "FDSTORE=1\nFDNAME=kept-https"},
		{"not kept", []State{removing("kept-https")}, "FDSTOREREMOVE=1\nFDNAME=kept-https"},
		{"nothing", nil, ""},
	} {
		if got := string(join(tc.states)); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestStatusIsBoundedAndValid(t *testing.T) {
	t.Parallel()
	long := string(Status(strings.Repeat("ä", maxStatus)))
	if len(long) > len("STATUS=")+maxStatus || !utf8.ValidString(long) {
		t.Errorf("%d bytes, valid: %t", len(long), utf8.ValidString(long))
	}
}

func TestMonotonicGoesOn(t *testing.T) {
	t.Parallel()
	first := Monotonic()
	if second := Monotonic(); first <= 0 || second < first {
		t.Errorf("%d, then %d", first, second)
	}
}
