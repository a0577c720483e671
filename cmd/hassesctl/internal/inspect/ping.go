package inspect

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
)

// pong is the --json document of ping.
type pong struct {
	Version          string  `json:"version"`
	RoundTripSeconds float64 `json:"round_trip_seconds"`
}

// Ping returns the command ping.
func Ping(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:  "ping",
		Usage: "ask the daemon for an answer, and show how long it took",
		Description: "The round trip is that of one request over a connection that is already open. Exits with 0 if the " +
			"daemon answers and all its loops turn, and with 1 if a loop is stuck: for health checks and scripts.",
		Action: func(c *cli.Context) error {
			if _, err := cmdline.Words(c, 0, 0); err != nil {
				return err
			}
			answer, err := ping(c.Context, s)
			if err != nil {
				return err
			}
			return s.Print(answer, func() {
				trip := time.Duration(answer.RoundTripSeconds * float64(time.Second))
				s.Out.Printf("hassesd %s answered in %.3f ms\n", answer.Version, float64(trip)/float64(time.Millisecond))
			})
		},
	}
}

// ping measures one round trip, and then checks that the loops turn. All of it must be over within
// the timeout.
func ping(ctx context.Context, s *session.Session) (pong, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	conn, err := s.Dial(ctx)
	if err != nil {
		return pong{}, err
	}
	defer session.HangUp(conn)
	begun := time.Now()
	hello, err := conn.Hello(ctx)
	if err != nil {
		return pong{}, err
	}
	trip := time.Since(begun)
	status, err := conn.Status(ctx)
	if err != nil {
		return pong{}, err
	}
	if err := checkLoops(status.Loops); err != nil {
		return pong{}, err
	}
	return pong{Version: hello.Version, RoundTripSeconds: trip.Seconds()}, nil
}

// checkLoops returns an error if a loop is stuck: the daemon answers, but serves nobody there.
func checkLoops(loops []api.LoopStatus) error {
	stuck := 0
	for _, l := range loops {
		if l.Stuck {
			stuck++
		}
	}
	if stuck == 0 {
		return nil
	}
	return &exit.Error{
		Code: exit.Failed,
		Err:  fmt.Errorf("the daemon answers, but %d of its %d loops do not turn", stuck, len(loops)),
		Hint: "its log may have the reason; a restart helps",
	}
}
