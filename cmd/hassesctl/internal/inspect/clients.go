package inspect

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/safetext"
)

const (
	// clientsPage is how many clients are asked for at a time: some 150 KiB of JSON, so that a
	// daemon with very many never holds a long answer.
	clientsPage = 500
	// roomsColumn is how wide the rooms of a client may get in the table; --json shows them all.
	roomsColumn = 32
)

// Clients returns the command clients.
func Clients(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:  "clients",
		Usage: "list the connected clients",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "room", Usage: "List only clients that are subscribed to `ROOM`."},
			&cli.StringFlag{Name: "id", Usage: "List only clients with this `ID`."},
			&cli.StringFlag{Name: "addr", Usage: "List only clients from `ADDRESS`, such as 192.0.2.7, or from one port of it, such as 192.0.2.7:50190."},
			&cli.StringFlag{Name: "sort", Usage: "Sort by `ORDER`: age (oldest first), queue (fullest first) or sent (most messages first). Default: age."},
			&cli.IntFlag{Name: "limit", Usage: "List at most `N` clients. Default: all."},
			ofCluster(),
		},
		Action: func(c *cli.Context) error {
			if _, err := cmdline.Words(c, 0, 0); err != nil {
				return err
			}
			if order := c.String("sort"); order != "" && !slices.Contains([]string{"age", "queue", "sent"}, order) {
				return exit.Usagef("--sort must be age, queue or sent, not %q", order)
			}
			if c.Int("limit") < 0 {
				return exit.Usagef("--limit must not be negative")
			}
			params := api.ClientsParams{
				Room: c.String("room"),
				ID:   c.String("id"),
				Addr: c.String("addr"),
				Sort: c.String("sort"),

				Cluster: c.Bool(clusterFlag),
			}
			clients, err := allClients(c.Context, s, params, c.Int("limit"))
			if err != nil {
				return err
			}
			warnOfMissing(s, clients.Nodes)
			if s.JSON {
				return s.Out.JSON(clients)
			}
			printClients(s, clients)
			return s.Out.Err()
		},
	}
}

// allClients follows the pages until there are limit clients, or all for 0. Each page has the whole
// timeout.
func allClients(ctx context.Context, s *session.Session, params api.ClientsParams, limit int) (api.Clients, error) {
	all := api.Clients{Clients: []api.Client{}}
	client, err := session.Within(ctx, s.Timeout, s.Dial)
	if err != nil {
		return all, err
	}
	defer session.HangUp(client)
	type row struct {
		conn   uint64
		stream uint32 // of HTTP/2, which may have many on one connection
		node   string
	}
	seen := make(map[row]bool) // a client whose queue grows may come again on a later page
	for {
		params.Limit = clientsPage
		if limit > 0 {
			params.Limit = min(params.Limit, limit-len(all.Clients))
		}
		page, err := session.Within(ctx, s.Timeout, func(ctx context.Context) (api.Clients, error) {
			return client.Clients(ctx, params)
		})
		if err != nil {
			return all, err
		}
		for _, c := range page.Clients {
			if at := (row{c.Conn, c.Stream, c.Node}); !seen[at] {
				seen[at] = true
				all.Clients = append(all.Clients, c)
			}
		}
		all.Total, all.Nodes = page.Total, page.Nodes
		if page.NextCursor == "" || limit > 0 && len(all.Clients) >= limit {
			return all, nil
		}
		if page.NextCursor == params.Cursor || len(page.Clients) == 0 {
			return all, errors.New("the daemon's list of clients does not end")
		}
		params.Cursor = page.NextCursor
	}
}

func printClients(s *session.Session, clients api.Clients) {
	t := clientsTable(clients.Clients)
	t.Print(s.Out)
	if len(clients.Clients) < clients.Total {
		s.Err.Printf("%d of %s\n", len(clients.Clients), output.Plural(clients.Total, "client"))
	}
}

func clientsTable(clients []api.Client) *output.Table {
	t := &output.Table{Columns: []output.Column{
		{Heading: "ID", Yields: 1, Least: 6},
		{Heading: "ADDRESS", Yields: 1, Least: 12},
		{Heading: "STATE", Yields: 1, Least: 6},
		{Heading: "HTTP"},
		{Heading: "TLS", Yields: 2, Least: 3, AtEnd: true},
		{Heading: "AGE", Right: true},
		{Heading: "ROOMS", Yields: 1, Least: 8},
		{Heading: "SENT", Right: true},
		{Heading: "QUEUE", Right: true},
		{Heading: "AGENT", Yields: 3},
	}}
	isCluster := slices.ContainsFunc(clients, func(c api.Client) bool { return c.Node != "" })
	if isCluster {
		t.Columns = slices.Insert(t.Columns, 0, output.Column{Heading: "NODE"})
	}
	for _, c := range clients {
		queue := output.Cell{Text: output.Size(int64(c.QueueBytes))}
		if c.QueueBytes > 0 {
			queue.Style = output.Yellow
		}
		cells := []output.Cell{
			{Text: cmp.Or(c.ID, "-"), Style: output.Bold},
			{Text: c.Addr},
			{Text: c.State, Style: stateStyle(c.State)},
			{Text: cmp.Or(c.HTTP, "-")},
			{Text: cmp.Or(c.TLS, "-")},
			{Text: output.Age(c.AgeSeconds)},
			{Text: roomsText(c.Rooms), Shown: true},
			{Text: strconv.FormatUint(c.Sent, 10)},
			queue,
			{Text: cmp.Or(c.Agent, "-"), Style: output.Dim},
		}
		if isCluster {
			cells = slices.Insert(cells, 0, output.Cell{Text: cmp.Or(c.Node, "-")})
		}
		t.Add(cells...)
	}
	return t
}

func stateStyle(state string) output.Style {
	switch state {
	case "streaming":
		return output.Green
	case "draining":
		return output.Yellow
	}
	return output.Plain
}

// roomsText returns as many rooms as fit into the column, visible, and the number of the others.
func roomsText(rooms []string) string {
	text := ""
	for i, room := range rooms {
		next := safetext.Visible(room)
		if i > 0 {
			next = text + "," + next
		}
		if output.Width(next) > roomsColumn {
			if i == 0 {
				next = output.Cut(next, roomsColumn)
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
