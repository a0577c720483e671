package main

import (
	"embed"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
)

// The scripts only ask hassesctl itself, by the hidden command __complete, so that they always
// match it.
//
//go:embed completion
var completionScripts embed.FS

// completionCommand returns the command completion.
func completionCommand(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:        "completion",
		Usage:       "print the completion script for a shell",
		ArgsUsage:   "bash|zsh|fish",
		Description: "The script completes commands, flags and the rooms of the daemon. For bash: source <(hassesctl completion bash)",
		Action: func(c *cli.Context) error {
			args, err := cmdline.Words(c, 1, 1)
			if err != nil {
				return err
			}
			file, ok := map[string]string{"bash": "bash.sh", "zsh": "zsh.sh", "fish": "fish.fish"}[args[0]]
			if !ok {
				return exit.Usagef("completion supports bash, zsh and fish, not %q", args[0])
			}
			script, err := completionScripts.ReadFile("completion/" + file)
			if err != nil {
				return err
			}
			s.Out.Raw(script)
			return s.Out.Err()
		},
	}
}

// completeCommand returns the hidden command that prints what could replace its last word, after
// the words before it.
func completeCommand(s *session.Session, newApp func(*session.Session) *cli.App) *cli.Command {
	return &cli.Command{
		Name:   "__complete",
		Hidden: true,
		Action: func(c *cli.Context) error {
			rooms := func(typed cmdline.Line, prefix string) []string {
				return roomNames(c.Context, s, newApp(s), typed, prefix)
			}
			for _, candidate := range candidates(newApp(s), rooms, c.Args().Slice()) {
				s.Out.Printf("%s\n", candidate)
			}
			return s.Out.Err()
		},
	}
}
