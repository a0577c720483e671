package operate

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
)

// LogLevels are the levels of the daemon's log, from few words to many.
var LogLevels = []string{"quiet", "normal", "debug"}

// LogLevel returns the command loglevel.
func LogLevel(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:      "loglevel",
		Usage:     "show or set how much the daemon logs",
		ArgsUsage: "[LEVEL]",
		Description: "LEVEL is quiet, normal or debug. The command prints the current level. A level that was " +
			"set lasts until the daemon restarts or reloads its configuration.",
		Action: func(c *cli.Context) error {
			args, err := cmdline.Words(c, 0, 1)
			if err != nil {
				return err
			}
			level := ""
			if len(args) == 1 {
				if level = args[0]; !slices.Contains(LogLevels, level) {
					return exit.Usagef("LEVEL must be quiet, normal or debug, not %q", level)
				}
			}
			result, err := session.Call(c.Context, s, func(ctx context.Context, client *client.Conn) (api.Level, error) {
				return client.LogLevel(ctx, level)
			})
			switch {
			case err != nil:
				return err
			case s.JSON:
				return s.Out.JSON(result)
			}
			s.Out.Printf("%s\n", result.Level)
			return s.Out.Err()
		},
	}
}

// Reinit returns the command reinit.
func Reinit(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:        "reinit",
		Usage:       "show or set whether a client may send a second request on its open stream",
		ArgsUsage:   "[on|off]",
		Description: "The command prints the current state: on or off.",
		Action: func(c *cli.Context) error {
			args, err := cmdline.Words(c, 0, 1)
			if err != nil {
				return err
			}
			var enabled *bool
			if len(args) == 1 {
				on := args[0] == "on"
				if !on && args[0] != "off" {
					return exit.Usagef("reinit takes on or off, not %q", args[0])
				}
				enabled = &on
			}
			result, err := session.Call(c.Context, s, func(ctx context.Context, client *client.Conn) (api.Reinit, error) {
				return client.Reinit(ctx, enabled)
			})
			switch {
			case err != nil:
				return err
			case s.JSON:
				return s.Out.JSON(result)
			}
			s.Out.Printf("%s\n", output.OnOff(result.Enabled))
			return s.Out.Err()
		},
	}
}
