package daemon

import (
	"context"
	"crypto/tls"
	"fmt"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/edge"
)

// ownClients returns a page of the clients of this node.
func (b *backend) ownClients(ctx context.Context, p api.ClientsParams) (api.Clients, error) {
	page := edge.ClientPage{Filter: edge.ClientFilter{Room: p.Room, ID: p.ID, Addr: p.Addr}, Limit: p.Limit}
	switch p.Sort {
	case "", api.SortAge:
	case api.SortQueue:
		page.Order = edge.ClientsByQueue
	case api.SortSent:
		page.Order = edge.ClientsBySent
	default:
		return api.Clients{}, invalid(fmt.Sprintf("clients cannot be sorted by %q", p.Sort), "sort is one of age, queue, sent")
	}
	if p.Cursor != "" {
		at, err := api.ReadClientCursor(p.Sort, p.Cursor)
		if err != nil {
			return api.Clients{}, err
		}
		page.After = &edge.ClientPosition{Key: at.Key, Conn: at.Conn, Stream: at.Stream}
	}
	list, err := b.edge.Clients(ctx, page)
	if err != nil {
		return api.Clients{}, busy(err)
	}
	out := api.Clients{Clients: make([]api.Client, 0, len(list.Clients)), Total: list.Total}
	for _, c := range list.Clients {
		out.Clients = append(out.Clients, clientRow(c))
	}
	if list.Next != nil {
		out.NextCursor = api.ClientCursor{Key: list.Next.Key, Conn: list.Next.Conn, Stream: list.Next.Stream}.Text(p.Sort)
	}
	return out, nil
}

// clientRow returns a connection as the control protocol lists it.
func clientRow(c edge.ClientInfo) api.Client {
	out := api.Client{
		Conn:             c.Conn,
		Stream:           c.Stream,
		HTTP:             c.HTTP,
		ID:               c.ID,
		Addr:             c.Addr(),
		State:            c.State,
		AgeSeconds:       c.Age.Seconds(),
		StreamAgeSeconds: c.StreamAge.Seconds(),
		Rooms:            c.Rooms,
		Sent:             c.Sent,
		QueueBytes:       c.QueueBytes,
		KernelBytes:      c.KernelBytes,
		Dropped:          c.Dropped,
		Reinits:          c.Reinits,
		Agent:            c.Agent,
	}
	if c.All {
		out.Rooms = []string{"*"}
	}
	if out.Rooms == nil {
		out.Rooms = []string{}
	}
	if c.Version != 0 {
		out.TLS = tls.VersionName(c.Version)
		out.Cipher = tls.CipherSuiteName(c.Cipher)
	}
	return out
}

// ownRooms returns a page of the rooms of this node.
func (b *backend) ownRooms(ctx context.Context, p api.RoomsParams) (api.Rooms, error) {
	page := edge.RoomPage{Prefix: p.Prefix, Limit: p.Limit}
	switch p.Sort {
	case "", api.SortStreams:
	case api.SortName:
		page.ByName = true
	default:
		return api.Rooms{}, invalid(fmt.Sprintf("rooms cannot be sorted by %q", p.Sort), "sort is one of streams, name")
	}
	total := -1
	if p.Cursor != "" {
		at, err := api.ReadRoomCursor(p.Sort, p.Cursor)
		if err != nil {
			return api.Rooms{}, err
		}
		page.After = &edge.Room{Name: at.Room, Streams: at.Number}
		if page.ByName {
			total = at.Number
		}
	}
	list, err := b.edge.Rooms(ctx, page)
	if err != nil {
		return api.Rooms{}, busy(err)
	}
	if total < 0 {
		total = list.Total
	}
	out := api.Rooms{Rooms: make([]api.Room, 0, len(list.Rooms)), Total: total}
	for _, r := range list.Rooms {
		out.Rooms = append(out.Rooms, api.Room{Room: r.Name, Streams: r.Streams})
	}
	if n := len(out.Rooms); list.More && n > 0 {
		out.NextCursor = api.RoomCursorAfter(p.Sort, out.Rooms[n-1], total)
	}
	return out, nil
}
