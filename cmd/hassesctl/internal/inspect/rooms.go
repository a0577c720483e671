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
	"github.com/hassesd/hassesd/internal/admin/client"
)

// roomsPage is how many rooms are asked for at a time.
const roomsPage = 1000

// Rooms returns the command rooms.
func Rooms(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:  "rooms",
		Usage: "list the rooms that have subscribers, fullest first",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "prefix", Usage: "List only rooms whose names begin with `PREFIX`."},
			&cli.IntFlag{Name: "limit", Usage: "List at most `N` rooms. Default: all."},
			ofCluster(),
		},
		Action: func(c *cli.Context) error {
			if _, err := cmdline.Words(c, 0, 0); err != nil {
				return err
			}
			if c.Int("limit") < 0 {
				return exit.Usagef("--limit must not be negative")
			}
			rooms, err := allRooms(c.Context, s, api.RoomsParams{Prefix: c.String("prefix"), Cluster: c.Bool(clusterFlag)}, c.Int("limit"))
			if err != nil {
				return err
			}
			warnOfMissing(s, rooms.Nodes)
			if s.JSON {
				return s.Out.JSON(rooms)
			}
			printRooms(s, rooms)
			return s.Out.Err()
		},
	}
}

// allRooms follows the pages until there are limit rooms, the fullest, or all for 0. Each page has
// the whole timeout. All are asked for by name, which costs the daemon no more than the pages
// themselves, and are sorted here.
func allRooms(ctx context.Context, s *session.Session, params api.RoomsParams, limit int) (api.Rooms, error) {
	all := api.Rooms{Rooms: []api.Room{}}
	client, err := session.Within(ctx, s.Timeout, s.Dial)
	if err != nil {
		return all, err
	}
	defer session.HangUp(client)
	params.Limit = limit
	if limit == 0 || limit > roomsPage {
		params.Sort, params.Limit = api.SortName, roomsPage
	}
	for {
		page, err := session.Within(ctx, s.Timeout, func(ctx context.Context) (api.Rooms, error) {
			return client.Rooms(ctx, params)
		})
		if err != nil {
			return all, err
		}
		all.Rooms = append(all.Rooms, page.Rooms...)
		all.Total, all.Nodes = page.Total, page.Nodes
		isEnough := params.Sort == "" && len(all.Rooms) >= limit
		if page.NextCursor == "" || isEnough {
			break
		}
		if page.NextCursor == params.Cursor || len(page.Rooms) == 0 {
			return all, errors.New("the daemon's list of rooms does not end")
		}
		params.Cursor = page.NextCursor
	}
	slices.SortFunc(all.Rooms, func(a, b api.Room) int {
		return cmp.Or(cmp.Compare(b.Streams, a.Streams), cmp.Compare(a.Room, b.Room))
	})
	if limit > 0 {
		all.Rooms = all.Rooms[:min(limit, len(all.Rooms))]
	}
	return all, nil
}

func printRooms(s *session.Session, rooms api.Rooms) {
	t := &output.Table{Columns: []output.Column{{Heading: "STREAMS", Right: true}, {Heading: "ROOM", Whole: true}}}
	for _, r := range rooms.Rooms {
		t.Add(output.Cell{Text: strconv.Itoa(r.Streams)}, output.Cell{Text: r.Room, Style: output.Bold})
	}
	t.Print(s.Out)
	if len(rooms.Rooms) < rooms.Total {
		s.Err.Printf("%d of %s\n", len(rooms.Rooms), output.Plural(rooms.Total, "room"))
	}
}

// Count returns the command count.
func Count(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:      "count",
		Usage:     "count the connections and streams, or the streams of a room",
		ArgsUsage: "[ROOM]",
		Flags:     []cli.Flag{ofCluster()},
		Action: func(c *cli.Context) error {
			args, err := cmdline.Words(c, 0, 1)
			if err != nil {
				return err
			}
			params := api.CountParams{Cluster: c.Bool(clusterFlag)}
			if len(args) == 1 {
				if args[0] == "" {
					return exit.Usagef("the name of a room must not be empty")
				}
				params.Room = args[0]
			}
			count, err := session.Call(c.Context, s, func(ctx context.Context, client *client.Conn) (api.Count, error) {
				return client.Count(ctx, params)
			})
			if err != nil {
				return err
			}
			warnOfMissing(s, count.Nodes)
			switch {
			case s.JSON:
				return s.Out.JSON(count)
			case params.Room != "":
				s.Out.Printf("%d\n", count.Streams)
			case count.Connections != nil:
				s.Out.Printf("connections  %d\nstreams      %d\n", *count.Connections, count.Streams)
			default:
				s.Out.Printf("streams      %d\n", count.Streams)
			}
			return s.Out.Err()
		},
	}
}
