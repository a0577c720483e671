package main

import (
	"embed"
	"fmt"

	"github.com/urfave/cli/v2"
)

// The scripts only ask hassesd itself, by the hidden command __complete, so that they always match
// it.
//
//go:embed completion
var completionScripts embed.FS

// completionFiles are the scripts by the name of the shell.
var completionFiles = map[string]string{"bash": "bash.sh", "zsh": "zsh.sh", "fish": "fish.fish"}

// completionCommand returns the command completion.
func completionCommand() *cli.Command {
	return &cli.Command{
		Name:         "completion",
		Usage:        "print the completion script for a shell",
		ArgsUsage:    "bash|zsh|fish",
		OnUsageError: asUsageError,
		Action: func(c *cli.Context) error {
			file, ok := completionFiles[c.Args().First()]
			if c.NArg() != 1 || !ok {
				return &usageError{fmt.Errorf("completion supports bash, zsh and fish, not %q", c.Args().Slice())}
			}
			script, err := completionScripts.ReadFile("completion/" + file)
			if err != nil {
				return err
			}
			_, err = c.App.Writer.Write(script)
			return err
		},
	}
}

// completeCommand returns the hidden command that prints what could replace its last word, after
// the words before it.
func completeCommand() *cli.Command {
	return &cli.Command{
		Name:   "__complete",
		Hidden: true,
		Action: func(c *cli.Context) error {
			for _, candidate := range candidates(c.Args().Slice()) {
				if _, err := fmt.Fprintln(c.App.Writer, candidate); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
