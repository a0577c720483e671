package main

import (
	"context"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
)

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
			params := admin.RoomsParams{Prefix: c.String("prefix"), Limit: c.Int("limit")}
			rooms, err := call(c.Context, p, func(ctx context.Context, client *admin.Conn) (admin.Rooms, error) {
				return client.Rooms(ctx, params)
			})
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
