package main

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
)

// logLevels are the daemon's, from few words to many.
var logLevels = []string{"quiet", "normal", "debug"}

func (p *program) logLevelCommand() *cli.Command {
	return &cli.Command{
		Name:        "loglevel",
		Usage:       "show or set how much the daemon logs",
		ArgsUsage:   "[LEVEL]",
		Description: "LEVEL is quiet, normal or debug. The level in force is printed; it holds until the daemon is restarted or reloaded.",
		Action: func(c *cli.Context) error {
			args, err := words(c, 0, 1)
			if err != nil {
				return err
			}
			level := ""
			if len(args) == 1 {
				if level = args[0]; !slices.Contains(logLevels, level) {
					return usagef("a log level is quiet, normal or debug, not %q", level)
				}
			}
			result, err := call(c.Context, p, func(ctx context.Context, client *admin.Conn) (admin.Level, error) {
				return client.LogLevel(ctx, level)
			})
			switch {
			case err != nil:
				return err
			case p.set.json:
				return p.out.json(result)
			}
			p.out.printf("%s\n", result.Level)
			return p.out.err
		},
	}
}
