package operate

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
)

// Reload returns the command reload.
func Reload(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:  "reload",
		Usage: "reload the configuration and the certificates of the daemon",
		Description: "Prints the settings that changed, one a line. No stream is closed. If anything is wrong, " +
			"the daemon keeps what it has.",
		Action: func(c *cli.Context) error {
			if _, err := cmdline.Words(c, 0, 0); err != nil {
				return err
			}
			reloaded, err := session.Call(c.Context, s, func(ctx context.Context, client *client.Conn) (api.Reloaded, error) {
				return client.Reload(ctx)
			})
			switch {
			case err != nil:
				return err
			case s.JSON:
				return s.Out.JSON(reloaded)
			}
			for _, key := range reloaded.Changed {
				s.Out.Printf("%s\n", key)
			}
			if len(reloaded.Changed) == 0 {
				s.Err.Printf("nothing changed\n")
			}
			for _, key := range reloaded.NeedsRestart {
				s.Err.Printf("%s differs, and needs a restart\n", key)
			}
			return s.Out.Err()
		},
	}
}

// Drain returns the command drain.
func Drain(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:  "drain",
		Usage: "end all streams gradually, and then the daemon",
		Description: "The daemon accepts no more connections, ends its streams evenly over the window, and " +
			"exits. A second drain with a shorter window makes it hurry. Browsers reconnect to " +
			"another daemon, or to the next one on this machine.",
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "window", Usage: "Spread the ends of the streams over `DURATION`, such as 30s. Default: drain.window of the daemon."},
		},
		Action: func(c *cli.Context) error {
			if _, err := cmdline.Words(c, 0, 0); err != nil {
				return err
			}
			var params api.DrainParams
			if c.IsSet("window") {
				window := c.Duration("window").Seconds()
				if window < 0 {
					return exit.Usagef("--window must be a duration such as 10s")
				}
				params.WindowSeconds = &window
			}
			drained, err := session.Call(c.Context, s, func(ctx context.Context, client *client.Conn) (api.Drained, error) {
				return client.Drain(ctx, params)
			})
			switch {
			case err != nil:
				return err
			case s.JSON:
				return s.Out.JSON(drained)
			}
			window := time.Duration(drained.WindowSeconds * float64(time.Second)).Round(time.Millisecond)
			s.Out.Printf("ending %s within %s\n", output.Plural(drained.Streams, "stream"), window.String())
			return s.Out.Err()
		},
	}
}
