package supervise

import (
	"context"
	"errors"
	"testing"
	"time"
)

// fakeFigures are those of a daemon, with the number of times that its rooms were counted.
type fakeFigures struct {
	streams, rooms, counted int
	opened                  uint64
	err                     error
}

func (f *fakeFigures) Streams(context.Context) (int, uint64, error) {
	return f.streams, f.opened, f.err
}

func (f *fakeFigures) CountRooms(context.Context) (int, error) {
	f.counted++
	return f.rooms, nil
}

func TestTheStatusLineFollowsTheStreams(t *testing.T) {
	t.Parallel()
	var line statusLine
	f := &fakeFigures{}
	now := time.Unix(1e9, 0)
	for _, step := range []struct {
		what       string
		streams    int
		opened     uint64
		rooms      int
		isDraining bool
		want       string
		counted    int
	}{
		{"at first", 0, 0, 0, false, "0 streams in 0 rooms", 1},
		{"nothing has changed", 0, 0, 0, false, "", 1},
		{"streams have come", 2, 2, 3, false, "2 streams in 3 rooms", 2},
		{"one went and one came", 2, 3, 1, false, "2 streams in 1 room", 3},
		{"one has gone", 1, 3, 1, false, "1 stream in 1 room", 4},
		{"the drain has begun", 1, 3, 1, true, "draining, 1 stream left", 4},
	} {
		f.streams, f.opened, f.rooms = step.streams, step.opened, step.rooms
		now = now.Add(time.Hour)
		got, err := line.next(t.Context(), f, step.isDraining, now)
		if err != nil || got != step.want || f.counted != step.counted {
			t.Errorf("%s: %q, %v, after %d counts; want %q after %d", step.what, got, err, f.counted, step.want, step.counted)
		}
	}
	f.err = errors.New("busy")
	if got, err := line.next(t.Context(), f, false, now); err == nil || got != "" {
		t.Errorf("without figures: %q, %v", got, err)
	}
}

// TestRoomsAreNotCountedAllTheTime: counting them may take long.
func TestRoomsAreNotCountedAllTheTime(t *testing.T) {
	t.Parallel()
	f := &fakeFigures{streams: 1, rooms: 1}
	now := time.Unix(1e9, 0)
	line := statusLine{nextCount: now.Add(time.Second)}
	if got, err := line.next(t.Context(), f, false, now); err != nil || got != "1 stream in 0 rooms" || f.counted != 0 {
		t.Errorf("while counting rests: %q, %v, %d counts", got, err, f.counted)
	}
	if got, err := line.next(t.Context(), f, false, now.Add(time.Second)); err != nil || got != "1 stream in 1 room" || f.counted != 1 {
		t.Errorf("after that: %q, %v, %d counts", got, err, f.counted)
	}
}
