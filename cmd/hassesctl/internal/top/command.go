// Package top is the command that shows the daemon live on a full screen.
//
// Its core is pure: a [model] is what is shown, keys and samples change it, and [model.view] draws it
// as text. Around it, loop.go waits for the clock, the keyboard and the daemon, and terminal.go
// prepares the terminal and restores it (docs/adr tells why no library draws).
package top

import (
	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
)

// Command returns the command top.
func Command(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:  "top",
		Usage: "show rates, streams, loops, clients and rooms live, on the full screen",
		Description: "Keys: w shows the clients with the fullest queues, b those that were sent the most, o the oldest, " +
			"r the rooms, v all of them; / filters by a room, i by an id, a by an address, and Escape shows all " +
			"again; space pauses, ? explains, q quits. It needs a terminal; status --watch does not.",
		Action: func(c *cli.Context) error {
			if _, err := cmdline.Words(c, 0, 0); err != nil {
				return err
			}
			if s.JSON {
				return exit.Usagef("top has no --json: status --watch --json is for scripts")
			}
			t, err := openTerminal(s.Stdin, s.Out.Writer(), s.Env.Get("TERM"))
			if err != nil {
				return exit.Usagef("%w; status --watch needs none", err)
			}
			return run(c.Context, s, t)
		},
	}
}
