// Package tail is the command that subscribes like a browser and prints what arrives.
package tail

import (
	"cmp"
	"context"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/eventsource"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/subscription"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/safetext"
)

// Command returns the command tail.
func Command(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:      "tail",
		Usage:     "subscribe to rooms like a browser, and print what arrives",
		ArgsUsage: "ROOM...",
		Description: "Prints the data of each event. The stream reconnects and resumes automatically, and runs " +
			"until it is interrupted or refused. '*' alone subscribes to every room, if the daemon " +
			"allows that.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "url", Usage: "Subscribe at `URL`, such as https://example.org/sse. Default: HASSESCTL_URL, or else the address that the daemon gives."},
			&cli.StringFlag{Name: "since", Usage: "Print first all events after `ID` that are still in the history."},
			&cli.StringFlag{Name: "id", Usage: "Subscribe with this `ID`, which the list of clients shows."},
			&cli.StringFlag{Name: "token-file", Usage: "Authenticate with the token in `FILE`, which is read again for each connection."},
			&cli.StringFlag{Name: "key-file", Usage: "Sign the URL of each connection with the key in `FILE`."},
			&cli.StringFlag{Name: "kid", Usage: "Name the key of --key-file `KID`, as the daemon does."},
			&cli.StringFlag{Name: "exec", Usage: "Run sh -c `CMD` for each event instead of printing it. Standard input is the data; HASSES_ID, HASSES_EVENT and, with one room, HASSES_ROOM are set."},
		},
		Action: func(c *cli.Context) error {
			rooms, err := cmdline.Words(c, 1, -1)
			if err != nil {
				return err
			}
			if c.IsSet("exec") && c.IsSet("json") && s.JSON {
				return exit.Usagef("--exec and --json exclude each other: with --exec the command does the printing")
			}
			if strings.ContainsFunc(c.String("since"), unicode.IsControl) {
				return exit.Usagef("--since must be the id of an event")
			}
			ctx, stop := session.UntilSignal(c.Context)
			defer stop()
			return tail(ctx, s, c, rooms)
		},
	}
}

// tail subscribes until ctx ends or the stream is refused.
func tail(ctx context.Context, s *session.Session, c *cli.Context, rooms []string) error {
	query, err := subscription.Query(rooms, c.String("id"))
	if err != nil {
		return err
	}
	address, pem := cmp.Or(c.String("url"), s.Env.Get("HASSESCTL_URL")), ""
	if address == "" {
		hello, err := session.Call(ctx, s, func(ctx context.Context, client *client.Conn) (api.Hello, error) {
			return client.Hello(ctx)
		})
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		address, pem = hello.URL, hello.CAPEM
	}
	authorize, err := credentials(c)
	if err != nil {
		return err
	}
	target, err := subscription.URL(address, query)
	if err != nil {
		return err
	}
	roots, err := subscription.Roots(s.CA, pem)
	if err != nil {
		return err
	}
	handle := reportEnds(s, func(_ context.Context, ev eventsource.Event) error { return printEvent(s, ev) }, s.JSON)
	if cmd := c.String("exec"); cmd != "" {
		handle = reportEnds(s, newRunner(s, cmd, rooms).run, false)
	}
	f := &eventsource.Follower{
		Client:    eventsource.NewClient(roots, s.Timeout),
		URL:       target,
		UserAgent: "hassesctl/" + s.Version,
		Authorize: authorize,
		Handle:    handle,
		Note:      s.Note,
		LastID:    c.String("since"),
	}
	return f.Follow(ctx)
}

// printEvent prints the event for its reader: a script, a person at a terminal, or a file.
func printEvent(s *session.Session, ev eventsource.Event) error {
	switch {
	case s.JSON:
		return s.Out.JSON(ev)
	case s.Out.IsTerminal():
		s.Out.Raw([]byte(safetext.VisibleLines(ev.Data) + "\n"))
	default:
		s.Out.Raw([]byte(ev.Data + "\n"))
	}
	return s.Out.Err()
}
