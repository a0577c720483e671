package daemon

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hassesd/hassesd/internal/edge"
)

// countedRooms is what a count finds, and how long it takes. Its methods may be called from any
// goroutine.
type countedRooms struct {
	mu    sync.Mutex
	rooms int
	takes time.Duration
	err   error
	calls int
}

func (c *countedRooms) set(rooms int, takes time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rooms, c.takes, c.err = rooms, takes, err
}

func (c *countedRooms) count(context.Context) (int, error) {
	c.mu.Lock()
	c.calls++
	rooms, takes, err := c.rooms, c.takes, c.err
	c.mu.Unlock()
	<-time.After(takes)
	return rooms, err
}

func TestRoomsAreCountedWhenTheyMayHaveChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r roomCount
		var c countedRooms
		get := func(version uint64, want, wantCalls int) {
			t.Helper()
			got := r.get(time.Now(), version, c.count)
			c.mu.Lock()
			defer c.mu.Unlock()
			if got != want || c.calls != wantCalls {
				t.Errorf("%d rooms after %d counts, want %d after %d", got, c.calls, want, wantCalls)
			}
		}
		c.set(3, 0, nil)
		get(1, 3, 1)
		c.set(4, 0, nil)
		get(1, 3, 1) // nothing has happened to streams
		get(2, 4, 2)
		c.set(5, time.Second, nil)
		get(3, 4, 3) // it takes too long to wait for
		get(3, 4, 3) // and there is only one at a time
		<-time.After(time.Second)
		get(3, 5, 3)
		c.set(6, 0, nil)
		get(4, 5, 3) // the last one has used up the time for counting
		<-time.After(roomCountShare * time.Second)
		get(4, 6, 4)
		c.set(0, 0, errors.New("stuck"))
		get(5, 6, 5)
		c.set(0, 0, nil)
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
