package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/safetext"
)

const (
	// clientsPage is how many clients are asked for at a time: some 150 KiB of JSON, so that a daemon with very many
	// never holds a long answer.
	clientsPage = 500
	// roomsColumn is how wide the rooms of a client may get in the table; --json shows them all.
	roomsColumn = 32
)

func (p *program) clientsCommand() *cli.Command {
	return &cli.Command{
		Name:  "clients",
		Usage: "list the connected clients",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "room", Usage: "only those subscribed to `ROOM`"},
			&cli.StringFlag{Name: "id", Usage: "only those that call themselves `ID`"},
			&cli.StringFlag{Name: "addr", Usage: "only those from `ADDRESS`, or address:port"},
			&cli.StringFlag{Name: "sort", Usage: "`ORDER`: age (oldest first, the default), queue (fullest first) or sent (most first)"},
			&cli.IntFlag{Name: "limit", Usage: "at most `N` of them (default: all)"},
		},
		Action: func(c *cli.Context) error {
			if _, err := words(c, 0, 0); err != nil {
				return err
			}
			if order := c.String("sort"); order != "" && !slices.Contains([]string{"age", "queue", "sent"}, order) {
				return usagef("--sort is age, queue or sent, not %q", order)
			}
			if c.Int("limit") < 0 {
				return usagef("--limit wants a number that is not negative")
			}
			params := admin.ClientsParams{
				Room: c.String("room"),
				ID:   c.String("id"),
				Addr: c.String("addr"),
				Sort: c.String("sort"),
			}
			clients, err := p.allClients(c.Context, params, c.Int("limit"))
			if err != nil {
				return err
			}
			if p.set.json {
				return p.out.json(clients)
			}
			p.printClients(clients)
			return p.out.err
		},
	}
}

// allClients follows the pages until there are limit clients, or all for 0. Each page has the whole timeout.
func (p *program) allClients(ctx context.Context, params admin.ClientsParams, limit int) (admin.Clients, error) {
	all := admin.Clients{Clients: []admin.Client{}}
	client, err := within(ctx, p.set.timeout, p.dial)
	if err != nil {
		return all, err
	}
	defer hangUp(client)
	seen := make(map[uint64]bool) // a client whose queue grows may come again on a later page
	for {
		params.Limit = clientsPage
		if limit > 0 {
			params.Limit = min(params.Limit, limit-len(all.Clients))
		}
		page, err := within(ctx, p.set.timeout, func(ctx context.Context) (admin.Clients, error) {
			return client.Clients(ctx, params)
		})
		if err != nil {
			return all, err
		}
		for _, c := range page.Clients {
			if !seen[c.Conn] {
				seen[c.Conn] = true
				all.Clients = append(all.Clients, c)
			}
		}
		all.Total = page.Total
		if page.NextCursor == "" || limit > 0 && len(all.Clients) >= limit {
			return all, nil
		}
		if page.NextCursor == params.Cursor || len(page.Clients) == 0 {
			return all, errors.New("the daemon's list of clients does not come to an end")
		}
		params.Cursor = page.NextCursor
	}
}

func (p *program) printClients(clients admin.Clients) {
	t := clientsTable(clients.Clients)
	t.print(p.out)
	if len(clients.Clients) < clients.Total {
		p.err.printf("%d of %s\n", len(clients.Clients), plural(clients.Total, "client"))
	}
}

func clientsTable(clients []admin.Client) *table {
	t := &table{columns: []column{
		{heading: "ID", yields: 1, least: 6},
		{heading: "ADDRESS", yields: 1, least: 12},
		{heading: "STATE"},
		{heading: "TLS", yields: 2, least: 3, atEnd: true},
		{heading: "AGE", right: true},
		{heading: "ROOMS", yields: 1, least: 8},
		{heading: "SENT", right: true},
		{heading: "QUEUE", right: true},
		{heading: "AGENT", yields: 3},
	}}
	for _, c := range clients {
		queue := cell{text: size(int64(c.QueueBytes))}
		if c.QueueBytes > 0 {
			queue.style = yellow
		}
		t.add(
			cell{text: cmp.Or(c.ID, "-"), style: bold},
			cell{text: c.Addr},
			cell{text: c.State, style: stateStyle(c.State)},
			cell{text: cmp.Or(c.TLS, "-")},
			cell{text: age(c.AgeSeconds)},
			cell{text: roomsText(c.Rooms), shown: true},
			cell{text: strconv.FormatUint(c.Sent, 10)},
			queue,
			cell{text: cmp.Or(c.Agent, "-"), style: dim},
		)
	}
	return t
}

func stateStyle(state string) style {
	switch state {
	case "streaming":
		return green
	case "draining":
		return yellow
	}
	return plain
}

// roomsText is as many rooms as fit into the column, and the number of the others.
func roomsText(rooms []string) string {
	text := ""
	for i, room := range rooms {
		next := safetext.Visible(room)
		if i > 0 {
			next = text + "," + next
		}
		if textWidth(next) > roomsColumn {
			if i == 0 {
				next = cut(next, roomsColumn)
				if len(rooms) == 1 {
					return next
				}
				text, i = next, 1
			}
			return text + " +" + strconv.Itoa(len(rooms)-i)
		}
		text = next
	}
	return cmp.Or(text, "-")
}
