package daemon

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hassesd/hassesd/internal/edge"
)

func TestRoomsAreCountedWhenTheyMayHaveChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r roomCount
		calls, rooms := 0, 3
		var takes time.Duration
		var fail error
		count := func(context.Context) (int, error) {
			calls++
			<-time.After(takes)
			return rooms, fail
		}
		get := func(version uint64, want, wantCalls int) {
			t.Helper()
			if got := r.get(time.Now(), version, count); got != want || calls != wantCalls {
				t.Errorf("%d rooms after %d counts, want %d after %d", got, calls, want, wantCalls)
			}
		}
		get(1, 3, 1)
		rooms = 4
		get(1, 3, 1) // nothing has happened to streams
		get(2, 4, 2)
		rooms, takes = 5, time.Second
		get(3, 4, 3) // it takes too long to wait for
		get(3, 4, 3) // and there is only one at a time
		<-time.After(time.Second)
		get(3, 5, 3)
		rooms = 6
		get(4, 5, 3) // the last one has used up the time for counting
		<-time.After(roomCountShare * time.Second)
		takes = 0
		get(4, 6, 4)
		fail = errors.New("stuck")
		rooms = 0
		get(5, 6, 5)
		fail = nil
		get(5, 0, 6)
	})
}

func TestRoomsVersionChangesWithEveryStream(t *testing.T) {
	seen := make(map[uint64]bool)
	for _, st := range []edge.Stats{
		{},
		{StreamsOpened: 1},
		{StreamsOpened: 1, Reinits: 1},
		{StreamsOpened: 1, Reinits: 1, Closed: map[string]uint64{"kicked": 1}},
	} {
		v := roomsVersion(&st)
		if seen[v] {
			t.Errorf("%+v has the version of another", st)
		}
		seen[v] = true
	}
}
