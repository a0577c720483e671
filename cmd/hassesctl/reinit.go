package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
)

func (p *program) reinitCommand() *cli.Command {
	return &cli.Command{
		Name:        "reinit",
		Usage:       "show or set whether a client may send a second request on its open stream",
		ArgsUsage:   "[on|off]",
		Description: "What is in force is printed: on or off.",
		Action: func(c *cli.Context) error {
			args, err := words(c, 0, 1)
			if err != nil {
				return err
			}
			var enabled *bool
			if len(args) == 1 {
				on := args[0] == "on"
				if !on && args[0] != "off" {
					return usagef("reinit takes on or off, not %q", args[0])
				}
				enabled = &on
			}
			result, err := call(c.Context, p, func(ctx context.Context, client *admin.Conn) (admin.Reinit, error) {
				return client.Reinit(ctx, enabled)
			})
			switch {
			case err != nil:
				return err
			case p.set.json:
				return p.out.json(result)
			}
			p.out.printf("%s\n", onOff(result.Enabled))
			return p.out.err
		},
	}
}
