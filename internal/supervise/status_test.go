package supervise

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheStatusLineFollowsTheStreams(t *testing.T) {
	t.Parallel()
	for _, step := range []struct {
		what           string
		streams, rooms int
		isDraining     bool
		want           string
	}{
		{"at first", 0, 0, false, "0 streams in 0 rooms"},
		{"streams have come", 2, 3, false, "2 streams in 3 rooms"},
		{"one went and one came", 2, 1, false, "2 streams in 1 room"},
		{"one has gone", 1, 1, false, "1 stream in 1 room"},
		{"the drain has begun", 1, 1, true, "draining, 1 stream left"},
	} {
		if got := statusLine(Figures{step.streams, step.rooms}, step.isDraining); got != step.want {
			t.Errorf("%s: %q, want %q", step.what, got, step.want)
		}
	}
}

func TestTheStatusIsToldWhenItChanges(t *testing.T) {
	t.Parallel()
	m, played := meet(t)
	said := ""
	for _, f := range []Figures{{1, 2}, {1, 2}, {2, 2}} {
		said = m.tellStatus(f, said)
	}
	m.Stopping()
	for range 2 { // more time is asked for each time
		said = m.tellStatus(Figures{2, 2}, said)
	}
	if err := m.Barrier(time.Minute); err != nil {
		t.Fatal(err)
	}
	want := []string{"1 stream in 2 rooms", "2 streams in 2 rooms", "draining", "draining, 2 streams left"}
	var got []string
	asked := 0
	for _, line := range played.Said() {
		if text, ok := strings.CutPrefix(line, "STATUS="); ok {
			got = append(got, text)
		}
		if strings.HasPrefix(line, "EXTEND_TIMEOUT_USEC=") {
			asked++
		}
	}
	if !slices.Equal(got, want) || asked < 2 {
		t.Errorf("told %q, want %q; asked for more time %d times", got, want, asked)
	}
}
