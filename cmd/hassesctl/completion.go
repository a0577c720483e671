package main

import (
	"context"
	"embed"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/bench"
)

// The scripts only ask hassesctl itself, with the hidden command __complete: they cannot fall behind it.
//
//go:embed completion
var completionScripts embed.FS

func (p *program) completionCommand() *cli.Command {
	return &cli.Command{
		Name:        "completion",
		Usage:       "print the completion script for a shell",
		ArgsUsage:   "bash|zsh|fish",
		Description: "Commands, flags and the daemon's rooms are completed. For bash: source <(hassesctl completion bash)",
		Action: func(c *cli.Context) error {
			args, err := words(c, 1, 1)
			if err != nil {
				return err
			}
			file, ok := map[string]string{"bash": "bash.sh", "zsh": "zsh.sh", "fish": "fish.fish"}[args[0]]
			if !ok {
				return usagef("completion is there for bash, zsh and fish, not for %q", args[0])
			}
			script, err := completionScripts.ReadFile("completion/" + file)
			if err != nil {
				return err
			}
			p.out.raw(script)
			return p.out.err
		},
	}
}

const (
	// completionTimeout is how long a shell waits for the names of rooms, unless it is told to wait otherwise.
	completionTimeout = time.Second
	// completionRooms is how many of them are worth showing.
	completionRooms = 50
)

// completeCommand prints what could stand in the place of its last word, after the words before it.
func (p *program) completeCommand() *cli.Command {
	return &cli.Command{
		Name:   "__complete",
		Hidden: true,
		Action: func(c *cli.Context) error {
			for _, candidate := range p.candidates(c.Context, c.Args().Slice()) {
				p.out.printf("%s\n", candidate)
			}
			return p.out.err
		},
	}
}

func (p *program) candidates(ctx context.Context, typed []string) []string {
	if len(typed) == 0 {
		return nil
	}
	before, word := typed[:len(typed)-1], typed[len(typed)-1]
	app := p.newApp() // the running one is in use
	line, err := arrange(app, before)
	if line.command == "" && err != nil {
		return nil
	}
	command := app.Command(line.command)
	flagsEnded := slices.Contains(before, "--")
	if !flagsEnded && len(before) > 0 {
		if name, isFlag := strings.CutPrefix(before[len(before)-1], "--"); isFlag {
			if flag, _ := findFlag(app, command, name); flag != nil && flag.TakesValue() {
				return p.flagValues(ctx, line, name, word)
			}
		}
	}
	switch {
	case err != nil:
		return nil
	case !flagsEnded && strings.HasPrefix(word, "-"):
		return beginning(word, completionFlags(app, command))
	case command == nil:
		var names []string
		for _, c := range app.Commands {
			if !c.Hidden {
				names = append(names, c.Name)
			}
		}
		return beginning(word, names)
	}
	switch command.Name {
	case "send", "count":
		if len(line.words) == 0 {
			return p.roomNames(ctx, line, word)
		}
	case "tail":
		return p.roomNames(ctx, line, word)
	case "loglevel":
		return beginning(word, logLevels)
	case "reinit":
		return beginning(word, []string{"on", "off"})
	case "pki":
		return beginning(word, pkiWords(line.words))
	case "token":
		if len(line.words) == 0 {
			return beginning(word, []string{"mint", "check"})
		}
	case "completion":
		return beginning(word, []string{"bash", "zsh", "fish"})
	}
	return nil
}

func completionFlags(app *cli.App, command *cli.Command) []string {
	names := flagNames(app.Flags)
	if command != nil {
		names = append(flagNames(command.Flags), names...)
	}
	names = append(names, "help")
	for i := range names {
		names[i] = "--" + names[i]
	}
	return names
}

func (p *program) flagValues(ctx context.Context, line commandLine, flag, word string) []string {
	switch flag {
	case "room", "to", "prefix":
		return p.roomNames(ctx, line, word)
	case "alg":
		return beginning(word, []string{"HS256", "RS256", "ES256", "EdDSA"})
	case "sort":
		return beginning(word, []string{"age", "queue", "sent"})
	case "scenario":
		var names []string
		for _, s := range bench.Scenarios {
			names = append(names, string(s))
		}
		return beginning(word, names)
	case "publish":
		if line.command == "bench" {
			return beginning(word, []string{"classic", "json"})
		}
	case "curve":
		return beginning(word, []string{"X25519", "X25519MLKEM768", "P-256"})
	}
	return nil
}

// roomNames asks the daemon that the typed flags name. Rooms are called what strangers like: only plain names are
// offered to a shell.
func (p *program) roomNames(ctx context.Context, line commandLine, prefix string) []string {
	line.command, line.flags, line.words = "__rooms", nil, nil
	var names []string
	app := p.newApp()
	app.Commands = []*cli.Command{{Name: "__rooms", HideHelp: true, Action: func(c *cli.Context) error {
		if p.set.timeout == defaultTimeout {
			p.set.timeout = completionTimeout
		}
		rooms, err := call(c.Context, p, func(ctx context.Context, client *admin.Conn) (admin.Rooms, error) {
			return client.Rooms(ctx, admin.RoomsParams{Prefix: prefix, Limit: completionRooms})
		})
		for _, r := range rooms.Rooms {
			if isASCIIWord(r.Room) && strings.HasPrefix(r.Room, prefix) {
				names = append(names, r.Room)
			}
		}
		return err
	}}}
	if app.RunContext(ctx, line.args()) != nil {
		return nil
	}
	return names
}

func beginning(prefix string, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(name, prefix) })
}

// isASCIIWord tells names that no shell and no terminal takes for anything but text.
func isASCIIWord(s string) bool {
	for _, r := range s {
		if r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-/:@+", r) {
			return false
		}
	}
	return s != "" && s[0] != '-'
}
