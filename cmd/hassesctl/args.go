package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// commandLine is the arguments, sorted by what they are. The library that parses them stops looking for flags at the
// first word that is none; people write flags where they come to mind.
type commandLine struct {
	globals []string // --name=value, for every command
	command string
	flags   []string // --name=value, for this command
	words   []string // the rest, as it was
	help    bool
	version bool
}

// args is the command line in the order the library understands.
func (l commandLine) args() []string {
	return slices.Concat([]string{"hassesctl"}, l.globals, []string{l.command}, l.flags, []string{"--"}, l.words)
}

// arrange sorts the arguments. Global flags may stand anywhere, a command's own anywhere after it; "--" ends the
// flags; "-" is a word. On an error the line holds what was understood before it.
func arrange(app *cli.App, args []string) (commandLine, error) {
	var line commandLine
	var command *cli.Command
	flagsEnded := false
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if !flagsEnded && arg == "--" {
			flagsEnded = true
			continue
		}
		if flagsEnded || arg == "-" || !strings.HasPrefix(arg, "-") {
			if command != nil {
				line.words = append(line.words, arg)
				continue
			}
			if command = app.Command(arg); command == nil {
				return line, unknownCommand(arg, app.Commands)
			}
			line.command = arg
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
		switch name {
		case "help", "h":
			line.help = true
			continue
		case "version":
			line.version = true
			continue
		}
		flag, global := findFlag(app, command, name)
		if flag == nil {
			return line, unknownFlag(arg, name, app, command)
		}
		normal := "--" + name
		if !hasValue && flag.TakesValue() {
			if len(args) == 0 {
				return line, usagef("--%s needs a value", name)
			}
			value, hasValue = args[0], true
			args = args[1:]
		}
		if _, isDuration := flag.(*cli.DurationFlag); isDuration {
			if _, err := parseDuration(value); err != nil {
				return line, usagef("--%s %w", name, err)
			}
		}
		if hasValue {
			normal += "=" + value
		}
		if global {
			line.globals = append(line.globals, normal)
		} else {
			line.flags = append(line.flags, normal)
		}
	}
	return line, nil
}

// findFlag looks for a flag of the command, which may be nil, and then for a global one.
func findFlag(app *cli.App, command *cli.Command, name string) (flag cli.DocGenerationFlag, global bool) {
	if command != nil {
		if f := flagNamed(command.Flags, name); f != nil {
			return f, false
		}
	}
	return flagNamed(app.Flags, name), true
}

func flagNamed(flags []cli.Flag, name string) cli.DocGenerationFlag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			doc, _ := f.(cli.DocGenerationFlag)
			return doc
		}
	}
	return nil
}

func unknownCommand(name string, commands []*cli.Command) error {
	var known []string
	for _, c := range commands {
		if !c.Hidden {
			known = append(known, c.Name)
		}
	}
	hint := "hassesctl --help lists the commands"
	if near := nearest(name, known); near != "" {
		hint = "did you mean " + near + "? " + hint
	}
	return &failure{exitUsage, fmt.Errorf("unknown command %q", name), hint}
}

func unknownFlag(arg, name string, app *cli.App, command *cli.Command) error {
	known := flagNames(app.Flags)
	hint := "hassesctl --help lists the flags"
	if command != nil {
		known = append(known, flagNames(command.Flags)...)
		hint = "hassesctl " + command.Name + " --help lists its flags; -- ends them, so that a word may start with -"
	}
	if near := nearest(name, known); near != "" {
		hint = "did you mean --" + near + "? " + hint
	} else if owner := ownerOf(name, app.Commands); command == nil && owner != "" {
		hint = "--" + name + " goes after its command, as in: hassesctl " + owner + " --" + name
	}
	return &failure{exitUsage, fmt.Errorf("unknown flag %s", arg), hint}
}

// ownerOf is the first command that has the flag.
func ownerOf(flag string, commands []*cli.Command) string {
	for _, c := range commands {
		if flagNamed(c.Flags, flag) != nil {
			return c.Name
		}
	}
	return ""
}

func flagNames(flags []cli.Flag) []string {
	var names []string
	for _, f := range flags {
		names = append(names, f.Names()...)
	}
	return names
}
