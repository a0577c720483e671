package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
)

func (p *program) sandboxCommand() *cli.Command {
	return &cli.Command{
		Name:  "sandbox",
		Usage: "show what the daemon has given up, and what it can still open",
		Description: "The threads are looked at now; what must be refused was tried when the daemon started. Checks that " +
			"failed go to the standard error.",
		Action: func(c *cli.Context) error {
			if _, err := words(c, 0, 0); err != nil {
				return err
			}
			sandbox, err := call(c.Context, p, func(ctx context.Context, client *admin.Conn) (admin.Sandbox, error) {
				return client.Sandbox(ctx)
			})
			if err != nil {
				return err
			}
			if p.set.json {
				return p.out.json(sandbox)
			}
			p.printSandbox(sandbox)
			return p.out.err
		},
	}
}

func (p *program) printSandbox(s admin.Sandbox) {
	t := &table{columns: []column{{heading: "LAYER"}, {heading: "IN FORCE"}, {heading: "WHAT", whole: true}}}
	for _, l := range s.Layers {
		inForce := cell{text: "no", style: yellow}
		if l.InForce {
			inForce = cell{text: "yes", style: green}
		}
		t.add(cell{text: l.Layer, style: bold}, inForce, cell{text: l.Detail})
	}
	t.print(p.out)
	p.out.printf("\nsandbox %s, self-check %s: %s, %s\n", s.Mode, s.SelfCheck,
		plural(len(s.Checks), "check"), plural(s.Threads, "thread"))
	if len(s.Paths)+len(s.ConnectPorts) > 0 {
		p.out.printf("\n")
		paths := &table{columns: []column{{heading: "MAY"}, {heading: "WHERE", whole: true}}}
		for _, path := range s.Paths {
			paths.add(cell{text: path.Use}, cell{text: path.Path})
		}
		for _, port := range s.ConnectPorts {
			paths.add(cell{text: "connect"}, cell{text: fmt.Sprintf("TCP port %d", port)})
		}
		paths.print(p.out)
	}
	for _, c := range s.Checks {
		if !c.OK {
			p.err.printf("%s: %s\n", c.Check, c.Error)
		}
	}
}
