package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
)

func (p *program) reloadCommand() *cli.Command {
	return &cli.Command{
		Name:        "reload",
		Usage:       "make the daemon read its configuration and certificates again",
		Description: "Prints the settings that changed, one a line. No stream is touched; on any mistake the daemon keeps what it had.",
		Action: func(c *cli.Context) error {
			if _, err := words(c, 0, 0); err != nil {
				return err
			}
			reloaded, err := call(c.Context, p, func(ctx context.Context, client *admin.Conn) (admin.Reloaded, error) {
				return client.Reload(ctx)
			})
			switch {
			case err != nil:
				return err
			case p.set.json:
				return p.out.json(reloaded)
			}
			for _, key := range reloaded.Changed {
				p.out.printf("%s\n", key)
			}
			if len(reloaded.Changed) == 0 {
				p.err.printf("nothing changed\n")
			}
			for _, key := range reloaded.NeedsRestart {
				p.err.printf("%s differs, and needs a restart\n", key)
			}
			return p.out.err
		},
	}
}
