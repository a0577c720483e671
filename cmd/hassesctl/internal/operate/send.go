// Package operate holds the commands that act on the daemon and its streams.
package operate

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
	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/sse"
)

// maxMessage is the highest value of the daemon's limits.message_bytes.
const maxMessage = 16 << 20

// Send returns the command send.
func Send(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:      "send",
		Usage:     "send a message to a room",
		ArgsUsage: "ROOM MESSAGE",
		Description: "ROOM is the name of a room, 'prefix*' for all rooms whose names begin so, or '*' for " +
			"every room. MESSAGE is sent as it is; - reads it from standard input, to its end. Put -- " +
			"before a MESSAGE that begins with a dash.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "to", Usage: "Send to `ROOM` as well. May be repeated; a stream that matches twice gets the message once."},
			&cli.StringFlag{Name: "except", Usage: "Do not send to the client with this `ID`."},
			&cli.StringFlag{Name: "event", Usage: "Set the `NAME` of the event. Default: none, which browsers dispatch as message."},
			&cli.DurationFlag{Name: "retry", Usage: "Tell browsers to wait `DURATION` before they reconnect, such as 3s: between 1ms and 24h."},
			&cli.BoolFlag{Name: "require-receivers", Usage: "Exit with 5 if no stream received the message."},
		},
		Action: func(c *cli.Context) error {
			args, err := cmdline.Words(c, 2, 2)
			if err != nil {
				return err
			}
			params := api.SendParams{
				To:     append(api.Targets{args[0]}, c.StringSlice("to")...),
				Except: c.String("except"),
				Event:  c.String("event"),
				Data:   args[1],
				Retry:  int(c.Duration("retry") / time.Millisecond),
			}
			var fault *sse.EventError
			if errors.As(sse.Event{Name: params.Event}.Check(), &fault) {
				return &exit.Error{Code: exit.Usage, Err: fmt.Errorf("--event: the name %s", fault.Reason), Hint: fault.Hint}
			}
			if c.IsSet("retry") && (params.Retry <= 0 || c.Duration("retry") > sse.MaxRetry) {
				return exit.Usagef("--retry must be between 1ms and %.0fh, such as 3s", sse.MaxRetry.Hours())
			}
			if params.Data == "-" {
				if params.Data, err = readMessage(s.Stdin); err != nil {
					return err
				}
			}
			if !utf8.ValidString(params.Data) {
				return errors.New("the message is not UTF-8; a stream carries nothing else")
			}
			sent, err := session.Call(c.Context, s, func(ctx context.Context, client *client.Conn) (api.Sent, error) {
				return client.Send(ctx, params)
			})
			if err != nil {
				return err
			}
			if err := printSent(s, sent); err != nil {
				return err
			}
			if c.Bool("require-receivers") && sent.Matched == 0 {
				return exit.NotFoundf("nobody received it")
			}
			return nil
		},
	}
}

func printSent(s *session.Session, sent api.Sent) error {
	if s.JSON {
		return s.Out.JSON(sent)
	}
	s.Out.Printf("delivered to %s (id %s)\n", output.Plural(sent.Matched, "stream"), sent.ID)
	return s.Out.Err()
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
