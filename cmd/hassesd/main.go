// Command hassesd pushes events from a web site to its open browsers: a TLS-first edge daemon for Server-Sent Events.
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

// run is the whole program: it answers the exit code.
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
		text += unknownVariables(env) // what one was meant to set may be what is missing
		code = exitUsage
	case errors.As(err, &usage):
		code = exitUsage
	}
	lastWords(stderr, text)
	return code
}

// unknownVariables names, a line each, the variables of the environment that begin like ours and set nothing.
func unknownVariables(env []string) string {
	var lines strings.Builder
	for _, unknown := range config.UnknownVariables(env) {
		fmt.Fprintf(&lines, "hassesd: no effect: %v\n", unknown)
	}
	return lines.String()
}

// lastWordsTimeout is how long the end waits for whoever reads standard error.
const lastWordsTimeout = time.Second

// lastWords writes the text, unless nobody reads it: standard error may be a pipe that is full, and the process must end.
func lastWords(w io.Writer, text string) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = io.WriteString(w, text) // there is nowhere else to complain
	}()
	late := time.NewTimer(lastWordsTimeout)
	defer late.Stop()
	select {
	case <-written:
	case <-late.C:
	}
}

// app is the command line; env is what os.Environ gives.
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
			// Or the daemon would end with whoever reads its log: Go's runtime dies of a broken pipe at descriptors 1 and 2.
			// The other commands go on doing so, as `| head` wants it.
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
		},
	}
}

func printVersion(w io.Writer) error {
	_, err := fmt.Fprintf(w, "hassesd %s (%s)\n", daemon.Version(), daemon.Compiled())
	return err
}

// asUsageError keeps urfave from printing the whole help where one sentence says what is wrong.
func asUsageError(_ *cli.Context, err error, _ bool) error { return &usageError{err} }

// noWords refuses what is left when all flags are read; flags behind such a word have not been read.
func noWords(c *cli.Context) error {
	if !c.Args().Present() {
		return nil
	}
	return &usageError{fmt.Errorf("%q is neither a flag nor a command; see hassesd --help", c.Args().First())}
}
