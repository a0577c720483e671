package edge

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

func (w *testServer) list(p ClientPage) (list ClientList) {
	w.t.Helper()
	w.do(func(ctx context.Context) (err error) {
		list, err = w.srv.Clients(ctx, p)
		return err
	})
	return list
}

func TestClientsComeInPages(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.loops = 3 })
	const n = 700 // more than a turn looks at
	for i := range n {
		w.subscribe(fmt.Sprintf("subscribe=r%d&id=c%d", i%2, i))
	}
	for _, filter := range []ClientFilter{{}, {Room: "r1"}} {
		want := n
		if filter.Room != "" {
			want = n / 2
		}
		var last uint64
		seen := 0
		p := ClientPage{Filter: filter, Limit: 96}
		for {
			list := w.list(p)
			if list.Total != want || len(list.Clients) > p.Limit {
				t.Fatalf("%d clients of %d, want %d", len(list.Clients), list.Total, want)
			}
			for _, c := range list.Clients {
				if c.Conn <= last {
					t.Fatalf("client %d behind %d", c.Conn, last)
				}
				last = c.Conn
				seen++
			}
			if p.After = list.Next; p.After == nil {
				break
			}
		}
		if seen != want {
			t.Errorf("%d clients on all pages, want %d", seen, want)
		}
	}
}

func TestClientsByQueueAndBySent(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.loops = 2 })
	var slow []*client
	for i := range 6 {
		c := w.subscribe(fmt.Sprintf("subscribe=a&room=own%d&id=c%d", i, i))
		slow = append(slow, c)
	}
	for i := range slow {
		for range i {
			w.publish(fmt.Sprint("own", i), "x")
		}
	}
	for _, c := range slow {
		c.SetWindow(0)
	}
	w.publish("a", strings.Repeat("x", 20_000)) // blocks
	for i := range slow {
		for range 6 - i {
			w.publish(fmt.Sprint("own", i), strings.Repeat("y", 1000))
		}
	}
	for order, want := range map[ClientOrder]string{
		ClientsByAge:   "c0 c1 c2 c3 c4 c5",
		ClientsByQueue: "c0 c1 c2 c3 c4 c5",
		ClientsBySent:  "c5 c4 c3 c2 c1 c0",
	} {
		var got []string
		p := ClientPage{Order: order, Limit: 2}
		for {
			list := w.list(p)
			for _, c := range list.Clients {
				got = append(got, c.ID)
			}
			if p.After = list.Next; p.After == nil {
				break
			}
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("order %d: got %s, want %s", order, text, want)
		}
	}
}

func TestClientsListsHTTP2Streams(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	for i := range 5 {
		h.subscribe(fmt.Sprintf("subscribe=a&id=x%d", i), "user-agent", "tester")
	}
	w.subscribe("subscribe=b")
	var rows []ClientInfo
	page := ClientPage{Limit: 2}
	for {
		var list ClientList
		w.do(func(ctx context.Context) (err error) {
			list, err = w.srv.Clients(ctx, page)
			return err
		})
		rows = append(rows, list.Clients...)
		if page.After = list.Next; page.After == nil {
			break
		}
	}
	if len(rows) != 6 {
		t.Fatalf("%d rows, want 6", len(rows))
	}
	for i, r := range rows[:5] {
		if r.HTTP != "2" || r.ID != fmt.Sprintf("x%d", i) || r.Stream != uint32(2*i+1) || r.Conn != rows[0].Conn || r.Agent != "tester" || r.State != "streaming" {
			t.Errorf("row %d is %+v", i, r)
		}
	}
	if r := rows[5]; r.HTTP != "1.1" || r.Stream != 0 || r.Conn == rows[0].Conn {
		t.Errorf("the last row is %+v", r)
	}
}
