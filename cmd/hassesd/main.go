// Command hassesd pushes events from a web site to its open browsers: a TLS-first edge daemon for
// Server-Sent Events.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/daemon"
)

// Exit codes.
const (
	exitFailure = 1
	exitUsage   = 2 // command line or configuration
)

func main() {
	os.Exit(run(os.Args, os.Environ(), os.Stdout, os.Stderr))
}

// run is the whole program. It returns the exit code.
func run(args, env []string, stdout, stderr io.Writer) int {
	err := app(env, stdout, stderr).RunContext(context.Background(), args)
	if err == nil {
		return 0
	}
	text := fmt.Sprintf("hassesd: %v\n", err)
	var invalid *config.Errors
	var usage *usageError
	code := exitFailure
	switch {
	case errors.As(err, &invalid), errors.Is(err, daemon.ErrConfiguration):
		text += unknownVariables(env) // a mistyped variable may explain a missing setting
		code = exitUsage
	case errors.As(err, &usage):
		code = exitUsage
	}
	lastWords(stderr, text)
	return code
}

// unknownVariables returns a line for each variable of the environment that begins like ours and
// sets nothing.
func unknownVariables(env []string) string {
	var lines strings.Builder
	for _, unknown := range config.UnknownVariables(env) {
		fmt.Fprintf(&lines, "hassesd: no effect: %v\n", unknown)
	}
	return lines.String()
}

// lastWordsTimeout is how long the program waits at its end for the reader of standard error.
const lastWordsTimeout = time.Second

// lastWords writes the text, but does not wait for it forever: standard error may be a full pipe
// that nobody reads.
func lastWords(w io.Writer, text string) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = io.WriteString(w, text) // there is nowhere else to report it
	}()
	late := time.NewTimer(lastWordsTimeout)
	defer late.Stop()
	select {
	case <-written:
	case <-late.C:
	}
}

// app returns the command line; env is what os.Environ returns.
func app(env []string, stdout, stderr io.Writer) *cli.App {
	said := &assignments{env: env}
	return &cli.App{
		Name:                  "hassesd",
		Usage:                 summary,
		UsageText:             "hassesd [flags]\nhassesd check|defaults|version",
		Description:           description,
		Writer:                stdout,
		ErrWriter:             stderr,
		HideVersion:           true,
		HideHelpCommand:       true,
		CustomAppHelpTemplate: appHelp(),
		Flags:                 append(said.flags(), &cli.BoolFlag{Name: "version", Aliases: []string{"v", "V"}, Usage: "print the version"}),
		OnUsageError:          asUsageError,
		ExitErrHandler:        func(*cli.Context, error) {},
		Action: func(c *cli.Context) error {
			if err := noWords(c); err != nil {
				return err
			}
			if c.Bool("version") {
				return printVersion(c.App.Writer)
			}
			settings, err := said.load()
			if err != nil {
				return err
			}
			// Otherwise the daemon would end with the reader of its log: Go's runtime dies of a
			// broken pipe at descriptors 1 and 2. The other commands keep doing so, as `| head`
			// expects.
			signal.Ignore(syscall.SIGPIPE)
			return daemon.Run(c.Context, daemon.Options{Settings: settings, Reload: said.load, Sources: said.files(), OwnProcess: true, Stderr: stderr, Env: env})
		},
		Commands: []*cli.Command{
			{
				Name:               "check",
				Usage:              "validate what a start would use, and print ok",
				CustomHelpTemplate: checkHelp(),
				Flags:              said.flags(),
				OnUsageError:       asUsageError,
				Action: func(c *cli.Context) error {
					if err := noWords(c); err != nil {
						return err
					}
					settings, err := said.load()
					if err != nil {
						return err
					}
					if err := daemon.Check(settings); err != nil {
						return err
					}
					_, _ = io.WriteString(c.App.ErrWriter, unknownVariables(env))
					_, err = fmt.Fprintln(c.App.Writer, "ok")
					return err
				},
			},
			{
				Name:         "defaults",
				Usage:        "print the whole configuration file with each key documented",
				OnUsageError: asUsageError,
				Action: func(c *cli.Context) error {
					if err := noWords(c); err != nil {
						return err
					}
					return config.WriteDefaults(c.App.Writer)
				},
			},
			{
				Name:         "version",
				Usage:        "print the version",
				OnUsageError: asUsageError,
				Action: func(c *cli.Context) error {
					if err := noWords(c); err != nil {
						return err
					}
					return printVersion(c.App.Writer)
				},
			},
			completionCommand(),
			completeCommand(),
		},
	}
}

func printVersion(w io.Writer) error {
	_, err := fmt.Fprintf(w, "hassesd %s (%s)\n", daemon.Version(), daemon.Compiled())
	return err
}

// asUsageError keeps urfave from printing the whole help where one sentence is enough.
func asUsageError(_ *cli.Context, err error, _ bool) error { return &usageError{err} }

// noWords refuses arguments that are not flags. Flags after such a word have not been read.
func noWords(c *cli.Context) error {
	if !c.Args().Present() {
		return nil
	}
	return &usageError{fmt.Errorf("%q is neither a flag nor a command; see hassesd --help", c.Args().First())}
}
