// Package cmdline reads command lines the way people type them, and explains commands.
package cmdline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
)

// Line is the arguments, sorted by what they are. The library that parses them stops looking for
// flags at the first word that is none; people write them anywhere.
type Line struct {
	Globals []string // --name=value, for every command
	Command string
	Flags   []string // --name=value, for this command
	Words   []string // the rest, as it was
	Help    bool
	Version bool
}

// Args returns the command line in the order the library understands.
func (l Line) Args() []string {
	return slices.Concat([]string{"hassesctl"}, l.Globals, []string{l.Command}, l.Flags, []string{"--"}, l.Words)
}

// Arrange sorts the arguments. Global flags may stand anywhere, those of a command anywhere after
// it; "--" ends the flags; "-" is a word. On an error the line holds what was read before it.
func Arrange(app *cli.App, args []string) (Line, error) {
	var line Line
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
				line.Words = append(line.Words, arg)
				continue
			}
			if command = app.Command(arg); command == nil {
				return line, UnknownCommand(arg, app.Commands)
			}
			line.Command = arg
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
		switch name {
		case "help", "h":
			line.Help = true
			continue
		case "version":
			line.Version = true
			continue
		}
		flag, global := FindFlag(app, command, name)
		if flag == nil {
			return line, unknownFlag(arg, name, app, command)
		}
		normal := "--" + name
		if !hasValue && flag.TakesValue() {
			if len(args) == 0 {
				return line, exit.Usagef("--%s needs a value", name)
			}
			value, hasValue = args[0], true
			args = args[1:]
		}
		if _, isDuration := flag.(*cli.DurationFlag); isDuration {
			if _, err := ParseDuration(value); err != nil {
				return line, exit.Usagef("--%s %w", name, err)
			}
		}
		if hasValue {
			normal += "=" + value
		}
		if global {
			line.Globals = append(line.Globals, normal)
		} else {
			line.Flags = append(line.Flags, normal)
		}
	}
	line.moveKey()
	return line, nil
}

// moveKey gives a --key after a command that has such a flag itself to --cert, if that has none: a
// certificate needs one. A second --key is the command's.
func (l *Line) moveKey() {
	isKey := func(arg string) bool { return strings.HasPrefix(arg, "--key=") }
	if !slices.ContainsFunc(l.Globals, func(arg string) bool { return strings.HasPrefix(arg, "--cert=") }) || slices.ContainsFunc(l.Globals, isKey) {
		return
	}
	if i := slices.IndexFunc(l.Flags, isKey); i >= 0 {
		l.Globals = append(l.Globals, l.Flags[i])
		l.Flags = slices.Delete(l.Flags, i, i+1)
	}
}

// FindFlag looks for a flag of the command, which may be nil, and then for a global one.
func FindFlag(app *cli.App, command *cli.Command, name string) (flag cli.DocGenerationFlag, global bool) {
	if command != nil {
		if f := FlagNamed(command.Flags, name); f != nil {
			return f, false
		}
	}
	return FlagNamed(app.Flags, name), true
}

// FlagNamed returns the flag with that name, or nil.
func FlagNamed(flags []cli.Flag, name string) cli.DocGenerationFlag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			doc, _ := f.(cli.DocGenerationFlag)
			return doc
		}
	}
	return nil
}

// UnknownCommand returns the error for a command that is not one of commands.
func UnknownCommand(name string, commands []*cli.Command) error {
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
	return &exit.Error{Code: exit.Usage, Err: fmt.Errorf("unknown command %q", name), Hint: hint}
}

func unknownFlag(arg, name string, app *cli.App, command *cli.Command) error {
	known := FlagNames(app.Flags)
	hint := "hassesctl --help lists the flags"
	if command != nil {
		known = append(known, FlagNames(command.Flags)...)
		hint = "hassesctl " + command.Name + " --help lists its flags; -- ends them, so that a word may start with -"
	}
	if near := nearest(name, known); near != "" {
		hint = "did you mean --" + near + "? " + hint
	} else if owner := ownerOf(name, app.Commands); command == nil && owner != "" {
		hint = "--" + name + " goes after its command, as in: hassesctl " + owner + " --" + name
	}
	return &exit.Error{Code: exit.Usage, Err: fmt.Errorf("unknown flag %s", arg), Hint: hint}
}

// ownerOf returns the first command that has the flag.
func ownerOf(flag string, commands []*cli.Command) string {
	for _, c := range commands {
		if FlagNamed(c.Flags, flag) != nil {
			return c.Name
		}
	}
	return ""
}

// FlagNames returns the names of all flags.
func FlagNames(flags []cli.Flag) []string {
	var names []string
	for _, f := range flags {
		names = append(names, f.Names()...)
	}
	return names
}
