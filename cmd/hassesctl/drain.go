package main

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
)

func (p *program) drainCommand() *cli.Command {
	return &cli.Command{
		Name:        "drain",
		Usage:       "end all streams gently, and then the daemon",
		Description: "The daemon accepts nobody any more, ends its streams evenly over the window, and exits. Asked again with a shorter window, it hurries. Browsers reconnect elsewhere, or to its successor.",
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "window", Usage: "spread the ends over `DURATION` (default: the daemon's drain.window)"},
		},
		Action: func(c *cli.Context) error {
			if _, err := words(c, 0, 0); err != nil {
				return err
			}
			var params admin.DrainParams
			if c.IsSet("window") {
				window := c.Duration("window").Seconds()
				if window < 0 {
					return usagef("--window wants a duration such as 10s")
				}
				params.WindowSeconds = &window
			}
			drained, err := call(c.Context, p, func(ctx context.Context, client *admin.Conn) (admin.Drained, error) {
				return client.Drain(ctx, params)
			})
			switch {
			case err != nil:
				return err
			case p.set.json:
				return p.out.json(drained)
			}
			window := time.Duration(drained.WindowSeconds * float64(time.Second)).Round(time.Millisecond)
			p.out.printf("ending %s within %s\n", plural(drained.Streams, "stream"), window.String())
			return p.out.err
		},
	}
}
