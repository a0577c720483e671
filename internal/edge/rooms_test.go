package edge

import (
	"context"
	"fmt"
	"testing"
)

func TestCountRooms(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.loops = 3 })
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

func TestRoomsComeInPages(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.loops = 3 })
	for i := range 30 {
		w.subscribe(fmt.Sprintf("subscribe=everywhere-x%02d-y%d", i, i%3))
	}
	pages := func(p RoomPage) (names []string, total int) {
		t.Helper()
		for {
			var list RoomList
			w.do(func(ctx context.Context) (err error) {
				list, err = w.srv.Rooms(ctx, p)
				return err
			})
			if len(list.Rooms) > p.Limit {
				t.Fatalf("%d rooms on a page of %d", len(list.Rooms), p.Limit)
			}
			total = max(total, list.Total)
			for _, r := range list.Rooms {
				names = append(names, fmt.Sprintf("%s:%d", r.Name, r.Streams))
			}
			if !list.More {
				return names, total
			}
			p.After = &list.Rooms[len(list.Rooms)-1]
		}
	}
	byStreams, total := pages(RoomPage{Limit: 4})
	if got := fmt.Sprint(byStreams[:6]); got != "[everywhere:30 y0:10 y1:10 y2:10 x00:1 x01:1]" || len(byStreams) != 34 || total != 34 {
		t.Errorf("by streams: %s, %d of %d", got, len(byStreams), total)
	}
	byName, total := pages(RoomPage{ByName: true, Limit: 7, Prefix: "x"})
	if byName[0] != "x00:1" || byName[29] != "x29:1" || len(byName) != 30 || total != 30 {
		t.Errorf("by name: %v of %d", byName, total)
	}
}
