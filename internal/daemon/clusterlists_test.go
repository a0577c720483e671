package daemon

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// nodeOf answers for a node that has clients with these queues, fullest first.
func nodeOf(boot string, queues []int, q clientsQuestion) clientsAnswer {
	page := api.Clients{Total: len(queues)}
	var after api.ClientCursor
	if text := q.Cursors[boot]; text != "" {
		after, _ = api.ReadClientCursor(api.SortQueue, text)
	}
	for i, n := range queues {
		c := api.Client{Conn: uint64(i + 1), QueueBytes: n, Node: boot}
		if q.Cursors[boot] != "" && (uint64(n) > after.Key || uint64(n) == after.Key && c.Conn <= after.Conn) {
			continue
		}
		if len(page.Clients) == q.Params.Limit {
			page.NextCursor = api.ClientCursorAfter(api.SortQueue, &page.Clients[len(page.Clients)-1])
			break
		}
		page.Clients = append(page.Clients, c)
	}
	return clientsAnswer{boot, page}
}

func TestPagesOfTheClientsOfAllNodes(t *testing.T) {
	t.Parallel()
	nodes := map[string][]int{"a": {90, 50, 50, 10}, "b": {80, 50, 5}, "c": nil}
	for limit := 1; limit < 9; limit++ {
		q := clientsQuestion{Params: api.ClientsParams{Sort: api.SortQueue, Limit: limit}, Cursors: map[string]string{}}
		seen, order, last := map[string]bool{}, "", 1<<30
		for pages := 0; ; pages++ {
			var answers []clientsAnswer
			for _, boot := range []string{"a", "b", "c"} {
				answers = append(answers, nodeOf(boot, nodes[boot], q))
			}
			out := mergeClients(q, answers, nil)
			for _, c := range out.Clients {
				at := fmt.Sprint(c.Node, c.Conn)
				if seen[at] || c.QueueBytes > last {
					t.Errorf("limit %d: %s comes twice or late: %s", limit, at, order)
				}
				seen[at], last, order = true, c.QueueBytes, order+" "+at
			}
			if len(out.Clients) > limit || out.Total != 7 || pages > 20 {
				t.Fatalf("limit %d: page %d has %d of %d", limit, pages, len(out.Clients), out.Total)
			}
			if out.NextCursor == "" {
				break
			}
			text, err := base64.RawURLEncoding.DecodeString(out.NextCursor)
			if err == nil {
				err = json.Unmarshal(text, &q)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if len(seen) != 7 {
			t.Errorf("limit %d: %s", limit, order)
		}
	}
}

func TestPagesOfTheRoomsOfAllNodes(t *testing.T) {
	t.Parallel()
	for sort, want := range map[string]string{"": "c:9 a:5 b:5 d:1", api.SortName: "a:5 b:5 c:9 d:1"} {
		for limit := 1; limit < 6; limit++ {
			var got []string
			p := api.RoomsParams{Sort: sort, Limit: limit}
			for {
				all := []api.Room{{Room: "d", Streams: 1}, {Room: "b", Streams: 5}, {Room: "c", Streams: 9}, {Room: "a", Streams: 5}}
				page, err := roomsPage(all, p, nil)
				if err != nil || page.Total != 4 || len(page.Rooms) > limit {
					t.Fatalf("%+v: %+v, %v", p, page, err)
				}
				for _, r := range page.Rooms {
					got = append(got, fmt.Sprintf("%s:%d", r.Room, r.Streams))
				}
				if p.Cursor = page.NextCursor; p.Cursor == "" {
					break
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("sort %q, limit %d: %q", sort, limit, got)
			}
		}
	}
	if _, err := roomsPage(nil, api.RoomsParams{Cursor: "nonsense"}, nil); err == nil {
		t.Error("a bad cursor is taken")
	}
}

func TestStatusesAddUp(t *testing.T) {
	t.Parallel()
	one := api.Status{Streams: 1, MessagesTotal: 7, Closed: map[string]uint64{"kicked": 1}, HTTP: []api.HTTPStatus{{Version: "2", TLS: true, Streams: 1}}}
	addStatus(&one, &api.Status{Streams: 2, MessagesTotal: 6, Closed: map[string]uint64{"kicked": 2, "aged": 1}, HTTP: []api.HTTPStatus{{Version: "2", TLS: true, Streams: 3}}, Refused: map[string]uint64{"x": 1}})
	if one.Streams != 3 || one.MessagesTotal != 7 || one.Closed["kicked"] != 3 || one.Closed["aged"] != 1 || one.HTTP[0].Streams != 4 {
		t.Errorf("%+v", one)
	}
}
