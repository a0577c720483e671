package main

import (
	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
)

// helpCommand returns the command help. It builds the commands again, since the running ones are in
// use.
func helpCommand(s *session.Session, newApp func(*session.Session) *cli.App) *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "explain hassesctl, or one of its commands",
		ArgsUsage: "[COMMAND]",
		Action: func(c *cli.Context) error {
			args, err := cmdline.Words(c, 0, 1)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return printHelp(s, newApp(s), "")
			}
			return printHelp(s, newApp(s), args[0])
		},
	}
}

// printHelp prints the page of a command, or that of the whole program if command is empty.
func printHelp(s *session.Session, app *cli.App, command string) error {
	page := cmdline.AppHelp(app)
	if command != "" {
		c := app.Command(command)
		if c == nil || c.Hidden {
			return cmdline.UnknownCommand(command, app.Commands)
		}
		page = cmdline.CommandHelp(c)
	}
	s.Out.Raw([]byte(page))
	return s.Out.Err()
}
