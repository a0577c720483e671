// Package inspect holds the commands that show what the daemon does and leave it as it is.
package inspect

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
)

// Status returns the command status.
func Status(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "show how the daemon is doing",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "watch", Usage: "Repeat every second until interrupted. With --json each status is one line."},
			ofCluster(),
		},
		Action: func(c *cli.Context) error {
			if _, err := cmdline.Words(c, 0, 0); err != nil {
				return err
			}
			if c.Bool("watch") && c.Bool(clusterFlag) {
				return exit.Usagef("--watch shows one daemon; leave --cluster out")
			}
			if c.Bool("watch") {
				ctx, stop := session.UntilSignal(c.Context)
				defer stop()
				return watchStatus(ctx, s)
			}
			status, err := session.Call(c.Context, s, func(ctx context.Context, client *client.Conn) (api.Status, error) {
				if c.Bool(clusterFlag) {
					return client.StatusOfCluster(ctx)
				}
				return client.Status(ctx)
			})
			if err != nil {
				return err
			}
			warnOfMissing(s, status.Nodes)
			return printStatus(s, status)
		},
	}
}

func printStatus(s *session.Session, status api.Status) error {
	if s.JSON {
		return s.Out.JSON(status)
	}
	s.Out.Raw([]byte(statusText(s.Out, status)))
	return s.Out.Err()
}

// watchStatus prints the status every s.Refresh until ctx ends, which is no error. A terminal is
// redrawn in place.
func watchStatus(ctx context.Context, s *session.Session) error {
	client, err := s.Dial(ctx)
	if err != nil {
		return err
	}
	defer session.HangUp(client)
	tick := time.NewTicker(s.Refresh)
	defer tick.Stop()
	for first := true; ; first = false {
		status, err := session.Within(ctx, s.Timeout, client.Status)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := printLook(s, status, first); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func printLook(s *session.Session, status api.Status, first bool) error {
	switch {
	case s.JSON:
		return s.Out.JSON(status)
	case s.Out.IsTerminal():
		s.Out.Raw(redraw(statusText(s.Out, status), first))
		return s.Out.Err()
	case !first:
		s.Out.Raw([]byte("\n"))
	}
	return printStatus(s, status)
}

// redraw returns what replaces the text on a terminal, without the flicker of clearing it first.
func redraw(text string, first bool) []byte {
	var b bytes.Buffer
	if first {
		b.WriteString("\x1b[2J")
	}
	b.WriteString("\x1b[H")
	b.WriteString(strings.ReplaceAll(text, "\n", "\x1b[K\n"))
	b.WriteString("\x1b[J")
	return b.Bytes()
}
