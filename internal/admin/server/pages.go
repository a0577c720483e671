package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// pageRows returns how many rows a page has if the caller wants limit.
func pageRows(limit int) int {
	if limit <= 0 {
		return listRows
	}
	return min(limit, mostListRows)
}

// boundRows encodes as many rows as fit into a page, at least one.
func boundRows[T any](rows []T) ([]json.RawMessage, error) {
	texts := make([]json.RawMessage, 0, len(rows))
	size := 0
	for i := range rows {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(rows[i]); err != nil {
			return nil, fmt.Errorf("encode a %T: %w", rows[i], err)
		}
		text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
		if size += len(text); size > listBytes && i > 0 {
			break
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// clientsPage is [api.Clients] as it is sent.
type clientsPage struct {
	Clients    []json.RawMessage `json:"clients"`
	Total      int               `json:"total"`
	NextCursor string            `json:"next_cursor,omitempty"`
	Nodes      *api.NodesAsked   `json:"nodes,omitempty"`
}

func listClients(ctx context.Context, b Backend, p api.ClientsParams) (clientsPage, error) {
	p.Limit = pageRows(p.Limit)
	cl, err := b.Clients(ctx, p)
	if err != nil {
		return clientsPage{}, err
	}
	cl = cl.WithoutNulls()
	rows, err := boundRows(cl.Clients[:min(len(cl.Clients), p.Limit)])
	page := clientsPage{Clients: rows, Total: cl.Total, NextCursor: cl.NextCursor, Nodes: cl.Nodes}
	if n := len(rows); n < len(cl.Clients) && n > 0 && !p.Cluster { // those of a cluster fit: see Backend
		page.NextCursor = api.ClientCursorAfter(p.Sort, &cl.Clients[n-1])
	}
	return page, err
}

// roomsPage is [api.Rooms] as it is sent.
type roomsPage struct {
	Rooms      []json.RawMessage `json:"rooms"`
	Total      int               `json:"total"`
	NextCursor string            `json:"next_cursor,omitempty"`
	Nodes      *api.NodesAsked   `json:"nodes,omitempty"`
}

func listRooms(ctx context.Context, b Backend, p api.RoomsParams) (roomsPage, error) {
	p.Limit = pageRows(p.Limit)
	r, err := b.Rooms(ctx, p)
	if err != nil {
		return roomsPage{}, err
	}
	rows, err := boundRows(r.Rooms[:min(len(r.Rooms), p.Limit)])
	page := roomsPage{Rooms: rows, Total: r.Total, NextCursor: r.NextCursor, Nodes: r.Nodes}
	if n := len(rows); n < len(r.Rooms) && n > 0 {
		page.NextCursor = api.RoomCursorAfter(p.Sort, r.Rooms[n-1], r.Total)
	}
	return page, err
}

// eachClient visits all clients by age, a page at a time, within ctx. An error of visit ends it,
// and is err.
func (s *shared) eachClient(ctx context.Context, role api.Role, visit func(*api.Client) error) (e *api.Error, err error) {
	p := api.ClientsParams{Limit: listRows}
	for {
		page, e := s.clientsPage(ctx, role, p)
		if e != nil {
			return e, nil
		}
		clients, ok := page.value.(api.Clients)
		if !ok {
			panic("server: internal error: a list of clients that is none")
		}
		for i := range clients.Clients {
			if err := visit(&clients.Clients[i]); err != nil {
				page.release()
				return nil, err
			}
		}
		page.release()
		if clients.NextCursor == "" || clients.NextCursor == p.Cursor {
			return nil, nil
		}
		p.Cursor = clients.NextCursor
	}
}

func (s *shared) clientsPage(ctx context.Context, role api.Role, p api.ClientsParams) (*listed, *api.Error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return s.lists.list(ctx, role, func() (any, *api.Error) {
		cl, err := s.backend.Clients(ctx, p)
		if err != nil {
			return nil, api.AsError(err)
		}
		return cl.WithoutNulls(), nil
	})
}
