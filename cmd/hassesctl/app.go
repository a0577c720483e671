package main

import (
	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/credential"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/inspect"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/loadtest"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/operate"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/pki"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/send"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/tail"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/top"
)

// newApp returns the commands. Help, suggestions and completion are our own: those of the library
// write to places and keep state that belong to the whole process.
func newApp(s *session.Session) *cli.App {
	app := &cli.App{
		Name:                      "hassesctl",
		Usage:                     "look after a running hassesd",
		Flags:                     session.GlobalFlags(),
		Writer:                    s.Out,
		ErrWriter:                 s.Err,
		HideHelp:                  true,
		HideVersion:               true,
		DisableSliceFlagSeparator: true, // a room's name may contain a comma
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return exit.Usagef("%w", err) },
		Before: func(c *cli.Context) error {
			var err error
			s.Settings, err = session.NewSettings(c, s.Env)
			return err
		},
		Commands: []*cli.Command{
			inspect.Status(s),
			inspect.Ping(s),
			top.Command(s),
			inspect.Clients(s),
			inspect.Rooms(s),
			inspect.Certs(s),
			inspect.Limits(s),
			inspect.Sandbox(s),
			inspect.Count(s),
			inspect.Nodes(s),
			send.Command(s),
			tail.Command(s),
			operate.Kick(s),
			operate.LogLevel(s),
			operate.Reinit(s),
			operate.Reload(s),
			operate.Drain(s),
			pki.Command(s),
			credential.Token(s),
			credential.SignURL(s),
			loadtest.Command(s),
			loadtest.WorkerCommand(s),
			versionCommand(s),
			completionCommand(s),
			completeCommand(s, newApp),
			helpCommand(s, newApp),
		},
	}
	for _, c := range app.Commands {
		c.HideHelp, c.HideHelpCommand = true, true // or a room named "help" would be a subcommand
		c.OnUsageError = app.OnUsageError
	}
	return app
}
