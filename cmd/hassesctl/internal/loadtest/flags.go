package loadtest

import (
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/bench"
)

func flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "scenario", Usage: "`NAME`: idle (nothing is sent), fanout (few rooms), rooms (many rooms), churn (streams come and go), slow (some streams read nothing), storm (many streams reconnect at once) (default: fanout)"},
		&cli.IntFlag{Name: "streams", Usage: "`NUMBER` of streams (default: 1000)"},
		&cli.IntFlag{Name: "rooms", Usage: "`NUMBER` of rooms that streams and messages are spread over (default: 1; 1000 for rooms)"},
		&cli.Float64Flag{Name: "rate", Usage: "messages a second, `NUMBER` in all, sent when they are due whatever became of those before (default: 10; 1000 for rooms)"},
		&cli.IntFlag{Name: "in-flight", Usage: "instead of --rate: send as fast as all streams receive, with that `NUMBER` of messages on their way"},
		&cli.IntFlag{Name: "size", Usage: "`BYTES` of a message (default: 100)"},
		&cli.DurationFlag{Name: "duration", Usage: "measure for `DURATION`; storm: before the storm (default: 10s)"},
		&cli.DurationFlag{Name: "warmup", Usage: "publish for `DURATION` before that (default: 1s)", Value: time.Second},
		&cli.DurationFlag{Name: "settle", Usage: "wait for `DURATION` when the streams are open, before the server's memory is looked at (default: 2s)", Value: 2 * time.Second},
		&cli.StringFlag{Name: "url", Usage: "subscribe at `URL`, with {room} where the room's name goes, such as 'https://example.org/sse?subscribe={room}' (default: the daemon is asked)"},
		&cli.StringSliceFlag{Name: "header", Usage: "send the header `NAME: VALUE` with each subscription; may be repeated"},
		&cli.StringFlag{Name: "publish", Usage: "publish over the control connection in the `FORM` classic or json (default: classic)"},
		&cli.StringFlag{Name: "publish-url", Usage: "instead of that publish by POST of the message to `URL`, with {room} in it"},
		&cli.StringSliceFlag{Name: "publish-header", Usage: "send the header `NAME: VALUE` with each POST; may be repeated"},
		&cli.StringFlag{Name: "tls", Usage: "`VERSION` of TLS: 1.3 or 1.2 (default: 1.3)"},
		&cli.StringFlag{Name: "curve", Usage: "`NAME` of the key exchange: X25519, X25519MLKEM768 or P-256 (default: as the server likes)"},
		&cli.StringFlag{Name: "sources", Usage: "connect from all addresses of the `NETWORK`, such as 127.0.0.0/16 (default: one address of loopback for each 10,000 streams)"},
		&cli.IntFlag{Name: "processes", Usage: "share the streams among that `NUMBER` of processes (default: as many as the descriptor limit needs)"},
		&cli.IntFlag{Name: "opening", Usage: "`NUMBER` of streams that are being opened at a time, of each process (default: 32)"},
		&cli.IntFlag{Name: "slow-share", Usage: "`PERCENT` of the streams that read nothing, for slow (default: 20)"},
		&cli.IntFlag{Name: "churn-rate", Usage: "`NUMBER` of streams ended and opened a second, for churn (default: 100)"},
		&cli.IntFlag{Name: "storm-size", Usage: "`NUMBER` of streams that reconnect, for storm (default: half)"},
		&cli.BoolFlag{Name: "lazy", Usage: "read only each millisecond: fewer wake-ups, as with remote clients"},
		&cli.IntSliceFlag{Name: "pid", Usage: "`PID` of the server, whose memory and processor time are measured with those of its children; may be repeated (default: the daemon is asked)"},
	}
}

// benchTimeout is how long a stream may take to open, and a message to arrive, unless --timeout is longer.
const benchTimeout = 30 * time.Second

// options returns the options of the flags. What they leave open is 0, and bench completes it.
func options(c *cli.Context, timeout time.Duration) bench.Options {
	return bench.Options{
		Scenario:  bench.Scenario(c.String("scenario")),
		URL:       c.String("url"),
		Headers:   c.StringSlice("header"),
		TLS:       c.String("tls"),
		Curve:     c.String("curve"),
		Streams:   c.Int("streams"),
		Rooms:     c.Int("rooms"),
		Rate:      c.Float64("rate"),
		InFlight:  c.Int("in-flight"),
		Size:      c.Int("size"),
		Duration:  c.Duration("duration"),
		Warmup:    c.Duration("warmup"),
		Settle:    c.Duration("settle"),
		Timeout:   max(timeout, benchTimeout),
		Sources:   c.String("sources"),
		Processes: c.Int("processes"),
		Opening:   c.Int("opening"),
		Lazy:      c.Bool("lazy"),
		SlowShare: c.Int("slow-share"),
		ChurnRate: c.Int("churn-rate"),
		StormSize: c.Int("storm-size"),
	}
}
