package edge

import (
	"context"
	"fmt"
	"testing"
)

func TestCountRooms(t *testing.T) {
	w := newWorld(t, func(s *setup) { s.loops = 3 })
	count := func() (n int) {
		t.Helper()
		w.do(func(ctx context.Context) (err error) {
			n, err = w.srv.CountRooms(ctx)
			return err
		})
		return n
	}
	if n := count(); n != 0 {
		t.Errorf("%d rooms without streams", n)
	}
	// More rooms than a page holds, each on one loop, and one that is on all of them.
	const clients, each = 500, 7
	for i := range clients {
		query := "subscribe=everywhere"
		for j := range each {
			query += fmt.Sprintf("-r%d.%d", i, j)
		}
		w.subscribe(query)
	}
	if n, want := count(), clients*each+1; n != want {
		t.Errorf("%d rooms, want %d", n, want)
	}
	if roomsPerTurn >= clients*each/3 {
		t.Error("the test has no second page")
	}
}
