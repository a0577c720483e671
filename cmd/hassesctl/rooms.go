package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
)

// roomsPage is how many rooms are asked for at a time.
const roomsPage = 1000

func (p *program) roomsCommand() *cli.Command {
	return &cli.Command{
		Name:  "rooms",
		Usage: "list the rooms that somebody listens to, fullest first",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "prefix", Usage: "only those whose name begins with `P`"},
			&cli.IntFlag{Name: "limit", Usage: "at most `N` of them (default: all)"},
		},
		Action: func(c *cli.Context) error {
			if _, err := words(c, 0, 0); err != nil {
				return err
			}
			if c.Int("limit") < 0 {
				return usagef("--limit wants a number that is not negative")
			}
			rooms, err := p.allRooms(c.Context, c.String("prefix"), c.Int("limit"))
			if err != nil {
				return err
			}
			if p.set.json {
				return p.out.json(rooms)
			}
			p.printRooms(rooms)
			return p.out.err
		},
	}
}

// allRooms follows the pages until there are limit rooms, the fullest, or all for 0. Each page has the whole timeout. All
// are asked for by name, which costs the daemon no more than the pages themselves, and are sorted here.
func (p *program) allRooms(ctx context.Context, prefix string, limit int) (admin.Rooms, error) {
	all := admin.Rooms{Rooms: []admin.Room{}}
	client, err := within(ctx, p.set.timeout, p.dial)
	if err != nil {
		return all, err
	}
	defer hangUp(client)
	params := admin.RoomsParams{Prefix: prefix, Limit: limit}
	if limit == 0 || limit > roomsPage {
		params.Sort, params.Limit = admin.SortName, roomsPage
	}
	for {
		page, err := within(ctx, p.set.timeout, func(ctx context.Context) (admin.Rooms, error) {
			return client.Rooms(ctx, params)
		})
		if err != nil {
			return all, err
		}
		all.Rooms = append(all.Rooms, page.Rooms...)
		all.Total = page.Total
		isEnough := params.Sort == "" && len(all.Rooms) >= limit
		if page.NextCursor == "" || isEnough {
			break
		}
		if page.NextCursor == params.Cursor || len(page.Rooms) == 0 {
			return all, errors.New("the daemon's list of rooms does not come to an end")
		}
		params.Cursor = page.NextCursor
	}
	slices.SortFunc(all.Rooms, func(a, b admin.Room) int {
		return cmp.Or(cmp.Compare(b.Streams, a.Streams), cmp.Compare(a.Room, b.Room))
	})
	if limit > 0 {
		all.Rooms = all.Rooms[:min(limit, len(all.Rooms))]
	}
	return all, nil
}

func (p *program) printRooms(rooms admin.Rooms) {
	t := &table{columns: []column{{heading: "STREAMS", right: true}, {heading: "ROOM", whole: true}}}
	for _, r := range rooms.Rooms {
		t.add(cell{text: strconv.Itoa(r.Streams)}, cell{text: r.Room, style: bold})
	}
	t.print(p.out)
	if len(rooms.Rooms) < rooms.Total {
		p.err.printf("%d of %s\n", len(rooms.Rooms), plural(rooms.Total, "room"))
	}
}
