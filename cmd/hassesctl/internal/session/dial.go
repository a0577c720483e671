package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
)

// Dial opens the control connection of the settings. An error before anything was sent is a mistake
// in them.
func (s *Session) Dial(ctx context.Context) (*client.Conn, error) {
	o := client.Options{Socket: s.Socket, TCP: s.TCP, Timeout: s.Timeout}
	if o.TCP != "" {
		o.CA, o.Cert, o.Key = s.CA, s.Cert, s.Key
	}
	if s.AuthKey != "" {
		var err error
		if o.AuthKey, err = readAuthKey(s.AuthKey); err != nil {
			return nil, &exit.Error{Code: exit.Usage, Err: err, Hint: "the file of --auth-key-file must hold the key alone"}
		}
	}
	conn, err := client.Dial(ctx, o)
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(err, api.ErrUnreachable), errors.Is(err, api.ErrNotAllowed), errors.Is(err, api.ErrTimeout),
		errors.Is(err, api.ErrOverloaded), ctx.Err() != nil:
		return nil, err
	}
	return nil, &exit.Error{Code: exit.Usage, Err: err, Hint: "hassesctl --help explains the flags"}
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

// HangUp closes a connection that has given all its answers, so that nothing can be lost with it.
func HangUp(c *client.Conn) { _ = c.Close() }

// Call opens a control connection, asks once, and closes it; all within the timeout.
func Call[T any](ctx context.Context, s *Session, ask func(context.Context, *client.Conn) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	var none T
	client, err := s.Dial(ctx)
	if err != nil {
		return none, err
	}
	defer HangUp(client)
	return ask(ctx, client)
}

// Within asks with a deadline of its own.
func Within[T any](ctx context.Context, timeout time.Duration, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return ask(ctx)
}
