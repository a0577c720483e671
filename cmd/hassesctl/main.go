// Hassesctl is the admin CLI of hassesd: it turns its arguments into calls of the control protocol,
// and the answers into tables or JSON. It is described in docs/hassesctl.md.
//
// This package lists the commands, which have packages of their own: inspect shows, operate acts,
// send publishes, tail subscribes, credential and pki work without a daemon, and loadtest measures.
// Package session gives them input, output, settings and the control connection.
package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}

// run is the whole of hassesctl. It takes the words after the program's name and what os.Environ
// returns, and returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, env []string) int {
	s := session.New(stdin, stdout, stderr, env, clientVersion())
	err := dispatch(context.Background(), s, args)
	if err == nil {
		return exit.OK
	}
	e := explain(err)
	s.Err.Printf("hassesctl: %s\n", e.Err)
	if e.Hint != "" {
		s.Err.Printf("  %s\n", output.Message(e.Hint))
	}
	return e.Code
}

// dispatch puts the arguments into the order that the command line library needs, and runs the
// command that they name.
func dispatch(ctx context.Context, s *session.Session, args []string) error {
	app := newApp(s)
	line, err := cmdline.Arrange(app, args)
	switch {
	case err != nil:
		return err
	case line.Help:
		return printHelp(s, app, line.Command)
	case line.Version:
		line.Command = "version"
	case line.Command == "":
		s.Err.Raw([]byte(cmdline.AppHelp(app)))
		return exit.Usagef("no command given")
	}
	err = app.RunContext(ctx, line.Args())
	var e *exit.Error
	if errors.As(err, &e) && e.Code == exit.Usage && e.Hint == "" {
		e.Hint = "hassesctl " + line.Command + " --help explains it"
	}
	return err
}
