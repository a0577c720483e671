package cmdline

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/internal/helptext"
)

// AppHelp returns the page of the whole program.
func AppHelp(app *cli.App) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\nUsage:\n  hassesctl [FLAGS] COMMAND [FLAGS] [ARGUMENTS]\n\nCommands:\n", app.Name, app.Usage)
	for _, c := range app.Commands {
		if !c.Hidden {
			helptext.Entry(&b, c.Name, c.Usage, 14)
		}
	}
	b.WriteString("\nFlags of every command, before or after it:\n")
	flagsHelp(&b, app.Flags)
	helptext.Entry(&b, "--help", "Explain hassesctl, or the command.", 22)
	b.WriteString("\nEnvironment:\n" + helptext.Wrap("HASSESCTL_SOCKET, HASSESCTL_TCP, HASSESCTL_CA, HASSESCTL_CERT, HASSESCTL_KEY, HASSESCTL_AUTH_KEY_FILE, "+
		"HASSESCTL_JSON and HASSESCTL_TIMEOUT are the defaults of the flags with these names; HASSESCTL_URL is that of --url for tail and sign-url. "+
		"NO_COLOR turns colours off.", 2))
	b.WriteString("\nExit codes:\n")
	for code, meaning := range exit.Meanings {
		fmt.Fprintf(&b, "  %d  %s\n", code, meaning)
	}
	return b.String()
}

// CommandHelp returns the page of one command.
func CommandHelp(c *cli.Command) string {
	var b strings.Builder
	b.WriteString(helptext.Wrap("hassesctl "+c.Name+": "+c.Usage, 0))
	b.WriteString("\nUsage:\n  hassesctl " + c.Name)
	if len(c.Flags) > 0 {
		b.WriteString(" [FLAGS]")
	}
	if c.ArgsUsage != "" {
		b.WriteString(" " + c.ArgsUsage)
	}
	b.WriteString("\n")
	if c.Description != "" {
		b.WriteString("\n" + helptext.Wrap(c.Description, 0))
	}
	if len(c.Flags) > 0 {
		b.WriteString("\nFlags:\n")
		flagsHelp(&b, c.Flags)
	}
	b.WriteString("\nhassesctl --help lists the flags of every command and the exit codes.\n")
	return b.String()
}

func flagsHelp(b *strings.Builder, flags []cli.Flag) {
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok {
			panic("hassesctl: internal error: a flag without documentation: " + f.String())
		}
		// The word in backquotes stands for the value, as in the flag package.
		usage := strings.Split(doc.GetUsage(), "`")
		name := "--" + f.Names()[0]
		if len(usage) == 3 {
			name += " " + usage[1]
		}
		helptext.Entry(b, name, strings.Join(usage, ""), 22)
	}
}
