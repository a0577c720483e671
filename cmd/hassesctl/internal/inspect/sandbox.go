package inspect

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
)

// Sandbox returns the command sandbox.
func Sandbox(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:  "sandbox",
		Usage: "show what the daemon has given up, and what it can still open",
		Description: "The threads are examined now; what must be refused was tried when the daemon started. " +
			"Checks that failed go to standard error.",
		Action: func(c *cli.Context) error {
			if _, err := cmdline.Words(c, 0, 0); err != nil {
				return err
			}
			sandbox, err := session.Call(c.Context, s, func(ctx context.Context, client *client.Conn) (api.Sandbox, error) {
				return client.Sandbox(ctx)
			})
			if err != nil {
				return err
			}
			if s.JSON {
				return s.Out.JSON(sandbox)
			}
			printSandbox(s, sandbox)
			return s.Out.Err()
		},
	}
}

func printSandbox(s *session.Session, sandbox api.Sandbox) {
	t := &output.Table{Columns: []output.Column{{Heading: "LAYER"}, {Heading: "IN FORCE"}, {Heading: "WHAT", Whole: true}}}
	for _, l := range sandbox.Layers {
		inForce := output.Cell{Text: "no", Style: output.Yellow}
		if l.InForce {
			inForce = output.Cell{Text: "yes", Style: output.Green}
		}
		t.Add(output.Cell{Text: l.Layer, Style: output.Bold}, inForce, output.Cell{Text: l.Detail})
	}
	t.Print(s.Out)
	s.Out.Printf("\nsandbox %s, self-check %s: %s, %s\n", sandbox.Mode, sandbox.SelfCheck,
		output.Plural(len(sandbox.Checks), "check"), output.Plural(sandbox.Threads, "thread"))
	if len(sandbox.Paths)+len(sandbox.ConnectPorts) > 0 {
		s.Out.Printf("\n")
		paths := &output.Table{Columns: []output.Column{{Heading: "MAY"}, {Heading: "WHERE", Whole: true}}}
		for _, path := range sandbox.Paths {
			paths.Add(output.Cell{Text: path.Use}, output.Cell{Text: path.Path})
		}
		for _, port := range sandbox.ConnectPorts {
			paths.Add(output.Cell{Text: "connect"}, output.Cell{Text: fmt.Sprintf("TCP port %d", port)})
		}
		paths.Print(s.Out)
	}
	for _, c := range sandbox.Checks {
		if !c.OK {
			s.Err.Printf("%s: %s\n", c.Check, output.Message(c.Error))
		}
	}
}
