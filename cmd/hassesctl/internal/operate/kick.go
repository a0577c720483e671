// Package operate holds the commands that act on the daemon and its streams.
package operate

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
)

// Kick returns the command kick.
func Kick(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:      "kick",
		Usage:     "end the streams of a client, of a room, or all streams",
		ArgsUsage: "[ID]",
		Description: "Give exactly one of ID, --room and --all. Browsers reconnect automatically; --refuse " +
			"keeps them out for a while. Exits with 5 if there was nobody to kick.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "room", Usage: "End the streams that are subscribed to `ROOM`."},
			&cli.BoolFlag{Name: "all", Usage: "End every stream."},
			&cli.DurationFlag{Name: "refuse", Usage: "Refuse the same clients for `DURATION`, such as 60s. Default: they may reconnect at once."},
		},
		Action: func(c *cli.Context) error {
			params, err := kickParams(c)
			if err != nil {
				return err
			}
			kicked, err := session.Call(c.Context, s, func(ctx context.Context, client *client.Conn) (api.Kicked, error) {
				return client.Kick(ctx, params)
			})
			if err != nil {
				return err
			}
			if s.JSON {
				err = s.Out.JSON(kicked)
			} else {
				s.Out.Printf("kicked %s\n", output.Plural(kicked.Kicked, "stream"))
				err = s.Out.Err()
			}
			if err == nil && kicked.Kicked == 0 {
				return exit.NotFoundf("nobody was there to kick")
			}
			return err
		},
	}
}

func kickParams(c *cli.Context) (api.KickParams, error) {
	var params api.KickParams
	args, err := cmdline.Words(c, 0, 1)
	if err != nil {
		return params, err
	}
	chosen := len(args)
	if c.IsSet("room") {
		chosen++
	}
	if c.Bool("all") {
		chosen++
	}
	if chosen != 1 {
		return params, exit.Usagef("kick needs exactly one of ID, --room and --all")
	}
	if len(args) == 1 {
		params.ID = args[0]
	}
	params.Room, params.All = c.String("room"), c.Bool("all")
	if params.ID == "" && params.Room == "" && !params.All {
		return params, exit.Usagef("the ID or room of kick must not be empty")
	}
	if c.Duration("refuse") < 0 {
		return params, exit.Usagef("--refuse must be a duration such as 60s")
	}
	params.RefuseSeconds = c.Duration("refuse").Seconds()
	return params, nil
}
