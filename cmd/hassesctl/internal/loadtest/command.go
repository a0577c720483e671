// Package loadtest is the command bench, which puts a load on a server and measures it.
package loadtest

import (
	"context"
	"errors"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/subscription"
	"github.com/hassesd/hassesd/internal/bench"
)

// Command returns the command bench.
func Command(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:  "bench",
		Usage: "put a load of streams and messages on a server, and measure it",
		Description: "Opens streams, publishes, and checks that each stream receives each message once and in " +
			"order. Without --url it measures the daemon of the control connection. With --url and " +
			"--publish-url it measures any server of Server-Sent Events. It runs for --duration, or " +
			"until it is interrupted. The exit code is 1 if anything was lost, doubled, out of order " +
			"or broken, or if the server ended a stream.",
		Flags: flags(),
		Action: func(c *cli.Context) error {
			if _, err := cmdline.Words(c, 0, 0); err != nil {
				return err
			}
			ctx, stop := session.UntilSignal(c.Context)
			defer stop()
			if c.Bool("publish-http") {
				return runPosts(ctx, s, c)
			}
			return run(ctx, s, c)
		},
	}
}

// WorkerCommand returns the hidden command that is a worker process of bench.
func WorkerCommand(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:   "__bench-worker",
		Hidden: true,
		Action: func(*cli.Context) error { return bench.Serve(s.Stdin, s.Out.Writer()) },
	}
}

// run runs the load test and prints what it found. Problems of the server are an error.
func run(ctx context.Context, s *session.Session, c *cli.Context) error {
	o := options(c, s.Timeout)
	parts := bench.Parts{PIDs: c.IntSlice("pid"), Spawn: spawnSelf, Report: func(text string) { s.Note("%s", text) }}
	devPEM := ""
	if o.URL == "" || c.String("publish-url") == "" && o.Scenario != bench.Idle {
		hello, pid, err := askDaemon(ctx, s)
		if err != nil {
			return err
		}
		if o.URL == "" {
			if o.URL, err = streamTemplate(hello.URL); err != nil {
				return err
			}
		}
		if len(parts.PIDs) == 0 && pid > 0 {
			parts.PIDs = []int{pid}
		}
		devPEM = hello.CAPEM
	}
	var err error
	if o.RootsPEM, err = subscription.RootsPEM(s.CA, devPEM); err != nil {
		return err
	}
	if err := o.Complete(); err != nil {
		return exit.Usagef("%s", strings.ReplaceAll(err.Error(), "\n", "; ")) // one line for all mistakes
	}
	if o.Scenario != bench.Idle {
		if parts.Publish, err = openDoor(ctx, s, c, o.Timeout); err != nil {
			return err
		}
		defer parts.Publish.Close()
	}
	res, err := bench.Run(ctx, o, parts)
	if err != nil {
		return err
	}
	if err := s.Print(res, func() { printResult(s.Out, res) }); err != nil {
		return err
	}
	if len(res.Problems) > 0 {
		return &exit.Error{Code: exit.Failed, Err: errors.New(strings.Join(res.Problems, "; "))}
	}
	return nil
}
