package bench

import (
	"bytes"
	"strings"
	"testing"
)

func TestRoomsOfAWorker(t *testing.T) {
	t.Parallel()
	for first := range 12 {
		for last := first + 1; last < 14; last++ {
			h := &worker{first: first, last: last, rooms: 5}
			for room := range h.rooms {
				want := false
				for i := first; i < last; i++ {
					want = want || i%h.rooms == room
				}
				if got := h.holds(room); got != want {
					t.Errorf("streams %d to %d, room %d of 5: %v, want %v", first, last, room, got, want)
				}
			}
		}
	}
}

func TestServeRefusesWhatIsNoSpec(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, err, out string }{
		{"", "read the options: EOF", ""},
		{"hello", "read the options: invalid", ""},
		{`{"options":{"URL":"nowhere","Streams":1,"Processes":1}}`, "", `"error":"\"nowhere\" is not the URL`},
		{`{"options":{"URL":"http://h/{room}","Streams":1000000000,"Processes":1}}`, "", `"error":"a process may have`},
	} {
		var out bytes.Buffer
		err := Serve(strings.NewReader(tt.in), &out)
		if err == nil && tt.err != "" || err != nil && (tt.err == "" || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%q: error %v, want %q", tt.in, err, tt.err)
		}
		if !strings.Contains(out.String(), tt.out) {
			t.Errorf("%q: wrote %q, want %q", tt.in, out.String(), tt.out)
		}
	}
}
