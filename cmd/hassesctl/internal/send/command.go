// Package send is the command that publishes messages: one, or many as they come.
package send

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
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
			&cli.StringFlag{Name: "url", Usage: "Send over HTTP, to `URL`, such as https://example.org/sse, instead of the control connection."},
			&cli.StringFlag{Name: "token-file", Usage: "With --url: authenticate with the token or key in `FILE`, which is read again for each request."},
			&cli.StringFlag{Name: "key", Usage: "Make it safe to send again: a message with the same `KEY` is published once. With --sse and --lines, the Nth message has the key KEY-N. " +
				"After --cert, the first --key is that of the certificate."},
			&cli.BoolFlag{Name: "require-receivers", Usage: "Exit with 5 if no stream received the message, or any of the messages."},
		},
		Action: func(c *cli.Context) error {
			params, err := parameters(c)
			if err != nil {
				return err
			}
			p, err := newPublisher(c, s)
			if err != nil {
				return err
			}
			defer p.close()
			o := job{session: s, publisher: p, like: params, mustArrive: c.Bool("require-receivers")}
			switch {
			case c.Bool("sse"):
				return o.pipe(c.Context, newEvents(s.Stdin))
			case c.Bool("lines"):
				return o.pipe(c.Context, newLines(s.Stdin))
			}
			return o.one(c.Context)
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
		Key:    c.String("key"),
	}
	longest := maxKey
	if isPipe {
		longest = maxPipeKey
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
	case c.IsSet("key") && !isKey(p.Key, longest):
		return p, exit.Usagef("--key must be 1 to %d visible characters of ASCII, such as a UUID", longest)
	case !isPipe:
		p.Data = args[1]
	}
	return p, nil
}

const (
	maxKey     = 128 // what the daemon takes
	maxPipeKey = 100 // leaves room for the numbers of messages
)

func isKey(key string, longest int) bool {
	return key != "" && len(key) <= longest && !strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' })
}

// publisher is a way to the daemon.
type publisher interface {
	// publish publishes messages in their order, and returns the results of those that it published.
	// If it did not publish all, failed is the index of the first one that is missing.
	publish(ctx context.Context, messages []api.SendParams) (sent []api.Sent, failed int, err error)
	close()
}

// newPublisher returns the way that the flags name.
func newPublisher(c *cli.Context, s *session.Session) (publisher, error) {
	switch {
	case c.IsSet("url"):
		return newWeb(s, c.String("url"), c.String("token-file"))
	case c.IsSet("token-file"):
		return nil, exit.Usagef("--token-file is for --url: the control connection has --auth-key-file")
	}
	return &control{session: s}, nil
}

// job is one run of the command.
type job struct {
	session    *session.Session
	publisher  publisher
	like       api.SendParams // the message, or what all of them have
	mustArrive bool
}

// one sends a single message.
func (j *job) one(ctx context.Context) error {
	s, params := j.session, j.like
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
	all, _, err := j.publisher.publish(ctx, []api.SendParams{params})
	if err != nil {
		return err
	}
	sent := all[0]
	err = s.Print(sent, func() {
		remark := ""
		if sent.Duplicate {
			remark = ", earlier with the same key"
		}
		s.Out.Printf("delivered to %s (id %s)%s\n", output.Plural(sent.Matched, "stream"), sent.ID, remark)
	})
	if err == nil && j.mustArrive && sent.Matched == 0 {
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
