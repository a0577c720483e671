package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/operate"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/pki"
	"github.com/hassesd/hassesd/internal/bench"
)

// roomSource returns the names of rooms that begin with prefix, from the daemon that the typed
// flags name.
type roomSource func(typed cmdline.Line, prefix string) []string

// candidates returns what could replace the last of the typed words.
func candidates(app *cli.App, rooms roomSource, typed []string) []string {
	if len(typed) == 0 {
		return nil
	}
	before, word := typed[:len(typed)-1], typed[len(typed)-1]
	line, err := cmdline.Arrange(app, before)
	if line.Command == "" && err != nil {
		return nil
	}
	command := app.Command(line.Command)
	flagsEnded := slices.Contains(before, "--")
	if !flagsEnded && len(before) > 0 {
		if name, isFlag := strings.CutPrefix(before[len(before)-1], "--"); isFlag {
			if flag, _ := cmdline.FindFlag(app, command, name); flag != nil && flag.TakesValue() {
				return flagValues(rooms, line, name, word)
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
		if len(line.Words) == 0 {
			return rooms(line, word)
		}
	case "tail":
		return rooms(line, word)
	case "loglevel":
		return beginning(word, operate.LogLevels)
	case "reinit":
		return beginning(word, []string{"on", "off"})
	case "pki":
		return beginning(word, pki.Words(line.Words))
	case "token":
		if len(line.Words) == 0 {
			return beginning(word, []string{"mint", "check"})
		}
	case "completion":
		return beginning(word, []string{"bash", "zsh", "fish"})
	}
	return nil
}

func completionFlags(app *cli.App, command *cli.Command) []string {
	names := cmdline.FlagNames(app.Flags)
	if command != nil {
		names = append(cmdline.FlagNames(command.Flags), names...)
	}
	names = append(names, "help")
	for i := range names {
		names[i] = "--" + names[i]
	}
	return names
}

// flagValues returns the values of a flag that begin with word.
func flagValues(rooms roomSource, line cmdline.Line, flag, word string) []string {
	switch flag {
	case "room", "to", "prefix":
		return rooms(line, word)
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
		if line.Command == "bench" {
			return beginning(word, []string{"classic", "json"})
		}
	case "curve":
		return beginning(word, []string{"X25519", "X25519MLKEM768", "P-256"})
	}
	return nil
}

// beginning returns the names that begin with prefix.
func beginning(prefix string, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(name, prefix) })
}
