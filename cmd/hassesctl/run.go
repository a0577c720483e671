package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
)

// program is one run of hassesctl.
type program struct {
	stdin   io.Reader
	out     *screen       // results
	err     *screen       // everything else
	env     environment   // what the process was started with
	refresh time.Duration // between two looks of --watch

	set settings // valid while a command runs
}

// run is the whole of hassesctl: args are the words after the program's name, env is what os.Environ gives, and the
// result is the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, env []string) int {
	e := newEnvironment(env)
	p := &program{
		stdin:   stdin,
		out:     newScreen(stdout, e),
		err:     newScreen(stderr, e),
		env:     e,
		refresh: time.Second,
	}
	return p.run(context.Background(), args)
}

func (p *program) run(ctx context.Context, args []string) int {
	err := p.dispatch(ctx, args)
	if err == nil {
		return exitOK
	}
	f := explain(err)
	p.err.printf("hassesctl: %s\n", f.err)
	if f.hint != "" {
		p.err.printf("  %s\n", f.hint)
	}
	return f.code
}

// dispatch puts the arguments into the order that the command line library wants, and runs the command they name.
func (p *program) dispatch(ctx context.Context, args []string) error {
	app := p.newApp()
	line, err := arrange(app, args)
	switch {
	case err != nil:
		return err
	case line.help:
		return p.help(line.command)
	case line.version:
		line.command = "version"
	case line.command == "":
		p.err.raw([]byte(appHelp(app)))
		return usagef("no command given")
	}
	err = app.RunContext(ctx, line.args())
	var f *failure
	if errors.As(err, &f) && f.code == exitUsage && f.hint == "" {
		f.hint = "hassesctl " + line.command + " --help explains it"
	}
	return err
}

// newApp describes the commands. Help, suggestions and completion are our own: the library's write to places and keep
// state that belong to the whole process.
func (p *program) newApp() *cli.App {
	app := &cli.App{
		Name:                      "hassesctl",
		Usage:                     "look after a running hassesd",
		Flags:                     globalFlags(),
		Writer:                    p.out,
		ErrWriter:                 p.err,
		HideHelp:                  true,
		HideVersion:               true,
		DisableSliceFlagSeparator: true, // a room's name may contain a comma
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return usagef("%w", err) },
		Before: func(c *cli.Context) error {
			var err error
			p.set, err = newSettings(c, p.env)
			return err
		},
		Commands: []*cli.Command{
			p.statusCommand(),
			p.clientsCommand(),
			p.roomsCommand(),
			p.certsCommand(),
			p.limitsCommand(),
			p.sandboxCommand(),
			p.countCommand(),
			p.sendCommand(),
			p.tailCommand(),
			p.kickCommand(),
			p.logLevelCommand(),
			p.reinitCommand(),
			p.reloadCommand(),
			p.drainCommand(),
			p.pkiCommand(),
			p.tokenCommand(),
			p.signURLCommand(),
			p.benchCommand(),
			p.benchWorkerCommand(),
			p.versionCommand(),
			p.completionCommand(),
			p.completeCommand(),
			p.helpCommand(),
		},
	}
	for _, c := range app.Commands {
		c.HideHelp, c.HideHelpCommand = true, true // or a room named "help" would be a subcommand
		c.OnUsageError = app.OnUsageError
	}
	return app
}

// words checks the number of arguments without a flag; max < 0 means any number.
func words(c *cli.Context, minimum, maximum int) ([]string, error) {
	args := c.Args().Slice()
	switch {
	case len(args) < minimum:
		return nil, usagef("%s needs %s", c.Command.Name, c.Command.ArgsUsage)
	case maximum == 0 && len(args) > 0:
		return nil, usagef("%s takes no argument, and got %q", c.Command.Name, args[0])
	case maximum >= 0 && len(args) > maximum:
		return nil, usagef("%s takes %s, and got %q as well", c.Command.Name, c.Command.ArgsUsage, args[maximum])
	}
	return args, nil
}

// dial opens the control connection that the settings name. What is wrong before anything was sent is wrong with them.
func (p *program) dial(ctx context.Context) (*admin.Conn, error) {
	o := admin.Options{Socket: p.set.socket, TCP: p.set.tcp, Timeout: p.set.timeout}
	if o.TCP != "" {
		o.CA, o.Cert, o.Key = p.set.ca, p.set.cert, p.set.key
	}
	if p.set.authKey != "" {
		var err error
		if o.AuthKey, err = readAuthKey(p.set.authKey); err != nil {
			return nil, &failure{exitUsage, err, "--auth-key-file names a file that holds the key alone"}
		}
	}
	conn, err := admin.Dial(ctx, o)
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(err, admin.ErrUnreachable), errors.Is(err, admin.ErrNotAllowed), errors.Is(err, admin.ErrTimeout),
		errors.Is(err, admin.ErrOverloaded), ctx.Err() != nil:
		return nil, err
	}
	return nil, &failure{exitUsage, err, "hassesctl --help explains the flags"}
}

// maxAuthKey is more than the longest key and its newline.
const maxAuthKey = 1 << 10

func readAuthKey(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxAuthKey+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	key := strings.TrimRight(string(text), "\r\n")
	if key == "" || len(text) > maxAuthKey {
		return "", fmt.Errorf("%s does not hold a key", path)
	}
	return key, nil
}

// hangUp closes a connection that has given all its answers: nothing can be lost with it.
func hangUp(c *admin.Conn) { _ = c.Close() }

// call opens a control connection, asks once, and closes it; all within the timeout.
func call[T any](ctx context.Context, p *program, ask func(context.Context, *admin.Conn) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, p.set.timeout)
	defer cancel()
	var none T
	client, err := p.dial(ctx)
	if err != nil {
		return none, err
	}
	defer hangUp(client)
	return ask(ctx, client)
}

// environment is the process's environment as it was handed in.
type environment struct {
	list   []string
	values map[string]string
}

func newEnvironment(list []string) environment {
	values := make(map[string]string, len(list))
	for _, pair := range list {
		if name, value, ok := strings.Cut(pair, "="); ok {
			values[name] = value
		}
	}
	return environment{list: list, values: values}
}

// get is the variable's value; one that is set to nothing counts as not set.
func (e environment) get(name string) string { return e.values[name] }
