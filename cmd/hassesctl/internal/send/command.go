// Package send is the command that publishes messages: one, or many as they come.
package send

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/sse"
)

// maxMessage is the highest value of the daemon's limits.message_bytes.
const maxMessage = 16 << 20

// Command returns the command send.
func Command(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:      "send",
		Usage:     "send a message to a room",
		ArgsUsage: "ROOM MESSAGE",
		Description: "ROOM is the name of a room, 'prefix*' for all rooms whose names begin so, or '*' for " +
			"every room. MESSAGE is sent as it is; - reads it from standard input, to its end. Put -- " +
			"before a MESSAGE that begins with a dash. With --sse or --lines there is no MESSAGE: standard " +
			"input holds many, each is sent as soon as it is complete, and one that is refused ends the command.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "to", Usage: "Send to `ROOM` as well. May be repeated; a stream that matches twice gets the message once."},
			&cli.StringFlag{Name: "except", Usage: "Do not send to the client with this `ID`."},
			&cli.StringFlag{Name: "event", Usage: "Set the `NAME` of the event. Default: none, which browsers dispatch as message. With --sse it replaces the names of the stream."},
			&cli.DurationFlag{Name: "retry", Usage: "Tell browsers to wait `DURATION` before they reconnect, such as 3s: between 1ms and 24h."},
			&cli.BoolFlag{Name: "sse", Usage: "Send each event of the event stream on standard input, such as the answer of a language model."},
			&cli.BoolFlag{Name: "lines", Usage: "Send each line of standard input. Empty lines are skipped."},
			&cli.BoolFlag{Name: "require-receivers", Usage: "Exit with 5 if no stream received the message, or any of the messages."},
		},
		Action: func(c *cli.Context) error {
			params, err := parameters(c)
			if err != nil {
				return err
			}
			switch {
			case c.Bool("sse"):
				return pipe(c.Context, s, params, newEvents(s.Stdin), c.Bool("require-receivers"))
			case c.Bool("lines"):
				return pipe(c.Context, s, params, newLines(s.Stdin), c.Bool("require-receivers"))
			}
			return one(c.Context, s, params, c.Bool("require-receivers"))
		},
	}
}

// parameters returns the message of the command line. Its data is empty if there are many.
func parameters(c *cli.Context) (api.SendParams, error) {
	isPipe := c.Bool("sse") || c.Bool("lines")
	minimum, maximum := 2, 2
	if isPipe {
		minimum = 1
	}
	args, err := cmdline.Words(c, minimum, maximum)
	if err != nil {
		return api.SendParams{}, err
	}
	p := api.SendParams{
		To:     append(api.Targets{args[0]}, c.StringSlice("to")...),
		Except: c.String("except"),
		Event:  c.String("event"),
		Retry:  int(c.Duration("retry") / time.Millisecond),
	}
	var fault *sse.EventError
	switch {
	case c.Bool("sse") && c.Bool("lines"):
		return p, exit.Usagef("--sse and --lines exclude each other: standard input is one or the other")
	case isPipe && len(args) == 2 && args[1] != "-":
		return p, exit.Usagef("with --sse or --lines the messages come from standard input, and not from the command line: %q", args[1])
	case errors.As(sse.Event{Name: p.Event}.Check(), &fault):
		return p, &exit.Error{Code: exit.Usage, Err: fmt.Errorf("--event: the name %s", fault.Reason), Hint: fault.Hint}
	case c.IsSet("retry") && (p.Retry <= 0 || c.Duration("retry") > sse.MaxRetry):
		return p, exit.Usagef("--retry must be between 1ms and %.0fh, such as 3s", sse.MaxRetry.Hours())
	case !isPipe:
		p.Data = args[1]
	}
	return p, nil
}

// one sends a single message.
func one(ctx context.Context, s *session.Session, params api.SendParams, mustArrive bool) error {
	var err error
	if params.Data == "-" {
		if params.Data, err = readMessage(s.Stdin); err != nil {
			return err
		}
	}
	if !utf8.ValidString(params.Data) {
		return errors.New("the message is not UTF-8; a stream carries nothing else")
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	p := newControl(s)
	defer p.close()
	sent, err := p.publish(ctx, params)
	if err != nil {
		return err
	}
	err = s.Print(sent, func() {
		s.Out.Printf("delivered to %s (id %s)\n", output.Plural(sent.Matched, "stream"), sent.ID)
	})
	if err == nil && mustArrive && sent.Matched == 0 {
		return exit.NotFoundf("nobody received it")
	}
	return err
}

// readMessage reads everything, byte for byte, up to what no daemon accepts.
func readMessage(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxMessage+1))
	if err != nil {
		return "", fmt.Errorf("read the message from standard input: %w", err)
	}
	if len(data) > maxMessage {
		return "", errors.New("the message on standard input is over 16 MiB, which no daemon accepts")
	}
	return string(data), nil
}
