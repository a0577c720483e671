package loadtest

import (
	"cmp"
	"context"
	"net"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/subscription"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/bench"
)

// askDaemon asks the daemon where to subscribe, and for its process id if it runs on this machine.
func askDaemon(ctx context.Context, s *session.Session) (api.Hello, int, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	client, err := s.Dial(ctx)
	if err != nil {
		return api.Hello{}, 0, err
	}
	defer session.HangUp(client)
	hello, err := client.Hello(ctx)
	if err != nil || s.TCP != "" && s.CA != "" {
		return hello, 0, err
	}
	status, err := client.Status(ctx)
	return hello, status.PID, err
}

// streamTemplate makes the template of a subscription from the address where browsers subscribe.
func streamTemplate(address string) (string, error) {
	base, err := subscription.URL(address, nil)
	if err != nil {
		return "", err
	}
	return base + "?subscribe={room}", nil
}

// openDoor opens the connection that messages are published over.
func openDoor(ctx context.Context, s *session.Session, c *cli.Context, timeout time.Duration) (*bench.PublishConn, error) {
	if to := c.String("publish-url"); to != "" {
		if c.IsSet("publish") {
			return nil, exit.Usagef("--publish and --publish-url exclude each other")
		}
		roots, err := subscription.Roots(s.CA, "")
		if err != nil {
			return nil, err
		}
		return bench.DialHTTP(ctx, to, c.StringSlice("publish-header"), roots, timeout)
	}
	network, address, err := controlAddress(s)
	if err != nil {
		return nil, err
	}
	switch form := cmp.Or(c.String("publish"), "classic"); form {
	case "classic":
		return bench.DialClassic(ctx, network, address, timeout)
	case "json":
		return bench.DialJSON(ctx, network, address, timeout)
	default:
		return nil, exit.Usagef("--publish %s: want classic or json", form)
	}
}

// controlAddress returns where the control connection goes: publishing needs one of its own.
func controlAddress(s *session.Session) (network, address string, err error) {
	switch {
	case s.TCP != "" && s.CA != "":
		return "", "", exit.Usagef("bench publishes over the Unix socket, over plain TCP on this machine, or with --publish-url")
	case s.TCP != "":
		return "tcp", s.TCP, nil
	case s.Socket != "":
		return "unix", s.Socket, nil
	}
	probe, err := net.Dial("unix", api.DefaultSocket)
	if err != nil {
		return "unix", api.DevSocket(), nil // which has answered already
	}
	return "unix", api.DefaultSocket, probe.Close()
}
