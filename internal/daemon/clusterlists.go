package daemon

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
	"github.com/hassesd/hassesd/internal/eventlog/jetstream"
)

const (
	// gatherPage is how many rooms nodes are asked for at a time.
	gatherPage = 1000
	// gatherRooms bounds the rooms of a list of all nodes.
	gatherRooms = 100_000
	// clusterRows is how many clients a page of all nodes has at most.
	clusterRows = 200
)

// clusterRooms returns a page of the rooms of all nodes. A room's streams are known when all nodes
// have told theirs, so all rooms are gathered, by name, for each page.
func (b *backend) clusterRooms(ctx context.Context, p api.RoomsParams) (api.Rooms, error) {
	streams := make(map[string]int)
	silent := jetstream.Silent{}
	var asked *api.NodesAsked
	q := api.RoomsParams{Prefix: p.Prefix, Sort: api.SortName, Limit: gatherPage}
	for {
		own, err := b.ownRooms(ctx, q)
		if err != nil {
			return api.Rooms{}, err
		}
		var others []api.Rooms
		others, asked = askThose[api.Rooms](ctx, b.cluster, api.MethodRooms, q, silent)
		pages := append(others, own)
		// Up to the first end of a page that is not the last one, every node has told its rooms.
		last, more := "", false
		for i := range pages {
			if n := len(pages[i].Rooms); pages[i].NextCursor != "" && n > 0 {
				if end := pages[i].Rooms[n-1].Room; !more || end < last {
					last, more = end, true
				}
			}
		}
		for i := range pages {
			for _, r := range pages[i].Rooms {
				if !more || r.Room <= last {
					streams[r.Room] += r.Streams
				}
			}
		}
		if len(streams) > gatherRooms {
			return api.Rooms{}, invalid("the nodes have too many rooms to list together", "give a prefix, or ask one node")
		}
		if !more {
			break
		}
		q.Cursor = api.RoomCursorAfter(api.SortName, api.Room{Room: last}, 0)
	}
	all := make([]api.Room, 0, len(streams))
	for room, n := range streams {
		all = append(all, api.Room{Room: room, Streams: n})
	}
	return roomsPage(all, p, asked)
}

// roomsPage cuts a page out of all rooms.
func roomsPage(all []api.Room, p api.RoomsParams, asked *api.NodesAsked) (api.Rooms, error) {
	compare := func(a, b api.Room) int {
		return cmp.Or(cmp.Compare(b.Streams, a.Streams), cmp.Compare(a.Room, b.Room))
	}
	if p.Sort == api.SortName {
		compare = func(a, b api.Room) int { return cmp.Compare(a.Room, b.Room) }
	}
	slices.SortFunc(all, compare)
	out := api.Rooms{Rooms: all, Total: len(all), Nodes: asked}
	if p.Cursor != "" {
		at, err := api.ReadRoomCursor(p.Sort, p.Cursor)
		if err != nil {
			return api.Rooms{}, err
		}
		after := api.Room{Room: at.Room, Streams: at.Number}
		i, found := slices.BinarySearchFunc(all, after, compare)
		if found {
			i++
		}
		out.Rooms = all[i:]
	}
	if limit := cmp.Or(p.Limit, gatherPage); len(out.Rooms) > limit {
		out.Rooms = out.Rooms[:limit]
		out.NextCursor = api.RoomCursorAfter(p.Sort, out.Rooms[limit-1], out.Total)
	}
	return out, nil
}

// clientsQuestion is what nodes are asked for a page of the clients of all.
type clientsQuestion struct {
	Params  api.ClientsParams `json:"params"`
	Cursors map[string]string `json:"cursors"` // of each node, by its boot; "": from the beginning
	Over    []string          `json:"over"`    // the boots of nodes that have no more
	Silent  jetstream.Silent  `json:"silent"`  // what did not answer for an earlier page is not waited for
}

// clientsAnswer is a node's part of it.
type clientsAnswer struct {
	Boot string      `json:"boot"`
	Page api.Clients `json:"page"`
}

// clientsOf answers a question for this node.
func (b *backend) clientsOf(ctx context.Context, q clientsQuestion) (clientsAnswer, error) {
	own := b.cluster.boot
	p := q.Params
	p.Cursor, p.Limit = q.Cursors[own], min(max(p.Limit, 1), clusterRows)
	if slices.Contains(q.Over, own) { // what is asked for is how many there are
		p.Cursor, p.Limit = "", 1
	}
	page, err := b.ownClients(ctx, p)
	for i := range page.Clients {
		page.Clients[i].Node = b.cluster.node
	}
	if slices.Contains(q.Over, own) {
		page.Clients, page.NextCursor = nil, ""
	}
	return clientsAnswer{own, page}, err
}

// clusterClients returns a page of the clients of all nodes: the first rows of the pages of each,
// and a cursor that has one for each.
func (b *backend) clusterClients(ctx context.Context, p api.ClientsParams) (api.Clients, error) {
	q := clientsQuestion{Cursors: map[string]string{}}
	if p.Cursor != "" {
		text, err := base64.RawURLEncoding.DecodeString(p.Cursor)
		if err == nil {
			err = json.Unmarshal(text, &q)
		}
		if err != nil {
			return api.Clients{}, invalid("cursor: not one that an earlier page of the same order gave", "begin without a cursor")
		}
	}
	if q.Silent == nil {
		q.Silent = jetstream.Silent{}
	}
	q.Params = p
	q.Params.Limit, q.Params.Cursor = min(cmp.Or(max(p.Limit, 0), clusterRows), clusterRows), ""
	own, err := b.clientsOf(ctx, q)
	if err != nil {
		return api.Clients{}, err
	}
	others, asked := askThose[clientsAnswer](ctx, b.cluster, api.MethodClients, q, q.Silent)
	return mergeClients(q, append(others, own), asked), nil
}

// mergeClients takes rows from the pages of all nodes, in the order that is asked for, until the
// page is full.
func mergeClients(q clientsQuestion, pages []clientsAnswer, asked *api.NodesAsked) api.Clients {
	out := api.Clients{Clients: []api.Client{}, Nodes: asked}
	next := clientsQuestion{Cursors: map[string]string{}, Over: q.Over, Silent: q.Silent}
	for boot, cursor := range q.Cursors {
		next.Cursors[boot] = cursor
	}
	taken, bytes := make([]int, len(pages)), 0
	for i := range pages {
		out.Total += pages[i].Page.Total
	}
	for len(out.Clients) < q.Params.Limit {
		best := -1
		for i := range pages {
			if rows := pages[i].Page.Clients; taken[i] < len(rows) &&
				(best < 0 || comesBefore(q.Params.Sort, &rows[taken[i]], &pages[best].Page.Clients[taken[best]])) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		row := pages[best].Page.Clients[taken[best]]
		if bytes += rowBytes(&row); bytes > server.ClusterPageBytes && len(out.Clients) > 0 {
			break
		}
		out.Clients = append(out.Clients, row)
		taken[best]++
		next.Cursors[pages[best].Boot] = api.ClientCursorAfter(q.Params.Sort, &row)
		if taken[best] == len(pages[best].Page.Clients) && pages[best].Page.NextCursor != "" {
			break // what this node has next is not known
		}
	}
	more := false
	for i := range pages {
		isOver := taken[i] == len(pages[i].Page.Clients) && pages[i].Page.NextCursor == ""
		if isOver && !slices.Contains(next.Over, pages[i].Boot) {
			next.Over = append(next.Over, pages[i].Boot)
		}
		more = more || !isOver
	}
	if more {
		if text, err := json.Marshal(next); err == nil {
			out.NextCursor = base64.RawURLEncoding.EncodeToString(text)
		}
	}
	return out
}

// comesBefore reports whether a is listed before b.
func comesBefore(sort string, a, b *api.Client) bool {
	switch sort {
	case api.SortQueue:
		return a.QueueBytes > b.QueueBytes
	case api.SortSent:
		return a.Sent > b.Sent
	}
	return a.AgeSeconds > b.AgeSeconds
}

// rowBytes returns about how long a row is as JSON.
func rowBytes(c *api.Client) int {
	const fixed = 600
	n := fixed + 2*len(c.Agent) + 2*len(c.ID)
	for _, room := range c.Rooms {
		n += 2*len(room) + 3
	}
	return n
}
