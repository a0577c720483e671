package top

import (
	"context"
	"time"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
)

// sample is what the daemon answered, or why it did not.
type sample struct {
	status  api.Status
	lists   lists
	problem error
}

// sampler asks the daemon, over a connection that it opens again when it was lost. It belongs to
// one goroutine at a time.
type sampler struct {
	session *session.Session
	conn    *client.Conn // nil: none is open
}

// take asks for the status and for the lists. Each answer has the whole timeout.
func (f *sampler) take(ctx context.Context, q query) sample {
	if f.conn == nil {
		conn, err := session.Within(ctx, f.session.Timeout, f.session.Dial)
		if err != nil {
			return sample{problem: err}
		}
		f.conn = conn
	}
	status, err := session.Within(ctx, f.session.Timeout, f.conn.Status)
	if err != nil {
		f.close()
		return sample{problem: err}
	}
	l, err := f.lists(ctx, q)
	return sample{status: status, lists: l, problem: err}
}

// lists asks for what the display shows.
func (f *sampler) lists(ctx context.Context, q query) (lists, error) {
	l := lists{of: q}
	var err error
	clients := func(sort string) []api.Client {
		if err != nil {
			return nil
		}
		var page api.Clients
		page, err = session.Within(ctx, f.session.Timeout, func(ctx context.Context) (api.Clients, error) {
			return f.conn.Clients(ctx, api.ClientsParams{Room: q.filter.room, ID: q.filter.id, Addr: q.filter.addr, Sort: sort, Limit: q.rows})
		})
		l.clients = page.Total
		return page.Clients
	}
	if q.display == showAll || q.display == showQueues {
		l.queues = clients(api.SortQueue)
	}
	if q.display == showAll || q.display == showSent {
		l.sent = clients(api.SortSent)
	}
	if q.display == showOldest {
		l.oldest = clients(api.SortAge)
	}
	if err != nil {
		return lists{}, err
	}
	rooms, err := session.Within(ctx, f.session.Timeout, func(ctx context.Context) (api.Rooms, error) {
		return f.conn.Rooms(ctx, api.RoomsParams{Prefix: q.filter.room, Limit: q.rows})
	})
	if err != nil {
		return lists{}, err
	}
	l.rooms, l.roomCount, l.at = rooms.Rooms, rooms.Total, time.Now()
	return l, nil
}

func (f *sampler) close() {
	if f.conn != nil {
		session.HangUp(f.conn)
		f.conn = nil
	}
}
