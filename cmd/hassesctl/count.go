package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
)

func (p *program) countCommand() *cli.Command {
	return &cli.Command{
		Name:      "count",
		Usage:     "count the connections and streams, or the streams of a room",
		ArgsUsage: "[ROOM]",
		Action: func(c *cli.Context) error {
			args, err := words(c, 0, 1)
			if err != nil {
				return err
			}
			var params admin.CountParams
			if len(args) == 1 {
				if args[0] == "" {
					return usagef("a room's name is not empty")
				}
				params.Room = args[0]
			}
			count, err := call(c.Context, p, func(ctx context.Context, client *admin.Conn) (admin.Count, error) {
				return client.Count(ctx, params)
			})
			switch {
			case err != nil:
				return err
			case p.set.json:
				return p.out.json(count)
			case params.Room != "":
				p.out.printf("%d\n", count.Streams)
			case count.Connections != nil:
				p.out.printf("connections  %d\nstreams      %d\n", *count.Connections, count.Streams)
			default:
				p.out.printf("streams      %d\n", count.Streams)
			}
			return p.out.err
		},
	}
}
