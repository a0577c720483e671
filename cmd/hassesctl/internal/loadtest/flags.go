package loadtest

import (
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/bench"
)

func flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "scenario", Usage: "Run the scenario `NAME`: idle (nothing is sent), fanout (few rooms), rooms (many rooms), churn (streams come and go), slow (some streams read nothing) or storm (many streams reconnect at once). Default: fanout."},
		&cli.IntFlag{Name: "streams", Usage: "Open this `NUMBER` of streams. Default: 1000."},
		&cli.BoolFlag{Name: "http2", Usage: "Use HTTP/2, where streams share connections, instead of HTTP/1.1."},
		&cli.IntFlag{Name: "streams-per-connection", Usage: "With --http2: open this `NUMBER` of streams on each connection. Default: 10."},
		&cli.IntFlag{Name: "rooms", Usage: "Spread streams and messages over this `NUMBER` of rooms. Default: 1; for rooms 1000."},
		&cli.Float64Flag{Name: "rate", Usage: "Send this `NUMBER` of messages a second in all, each when it is due, whatever has become of those before. Default: 10; for rooms 1000."},
		&cli.IntFlag{Name: "in-flight", Usage: "Send as fast as all streams receive, with this `NUMBER` of messages on their way, instead of at --rate."},
		&cli.IntFlag{Name: "size", Usage: "Send messages of this many `BYTES`. Default: 100."},
		&cli.DurationFlag{Name: "duration", Usage: "Measure for `DURATION`, such as 30s; for storm: before the storm. Default: 10s."},
		&cli.DurationFlag{Name: "warmup", Usage: "Publish for `DURATION` before the measurement. Default: 1s.", Value: time.Second},
		&cli.DurationFlag{Name: "settle", Usage: "Wait for `DURATION` when the streams are open, before the memory of the server is measured. Default: 2s.", Value: 2 * time.Second},
		&cli.StringFlag{Name: "url", Usage: "Subscribe at `URL`, with {room} in place of the name of the room, such as 'https://example.org/sse?subscribe={room}'. Default: the address that the daemon gives."},
		&cli.StringSliceFlag{Name: "header", Usage: "Send the header `NAME: VALUE` with each subscription. May be repeated."},
		&cli.StringFlag{Name: "publish", Usage: "Publish over the control connection in the `FORM` classic or json. Default: classic."},
		&cli.StringFlag{Name: "publish-url", Usage: "Publish with a POST of the message to `URL`, with {room} in it, instead of over the control connection."},
		&cli.StringSliceFlag{Name: "publish-header", Usage: "Send the header `NAME: VALUE` with each POST. May be repeated."},
		&cli.BoolFlag{Name: "publish-http", Usage: "Measure publishers instead of streams: --publishers connections POST a message each at a time, at --publish-url (default: the daemon's), and --streams subscribers (default 1; 0: nobody) receive them. Obeys --size, --duration, --warmup, --url, --header, --publish-header and --pid as well, and no other flag."},
		&cli.IntFlag{Name: "publishers", Usage: "With --publish-http: publish over this `NUMBER` of connections. Default: 16."},
		&cli.StringFlag{Name: "tls", Usage: "Use this `VERSION` of TLS: 1.3 or 1.2. Default: 1.3."},
		&cli.StringFlag{Name: "curve", Usage: "Use the key exchange `NAME`: X25519, X25519MLKEM768 or P-256. Default: the server chooses."},
		&cli.StringFlag{Name: "sources", Usage: "Connect from all addresses of the `NETWORK`, such as 127.0.0.0/16. Default: one address of loopback for each 10,000 connections."},
		&cli.IntFlag{Name: "processes", Usage: "Share the streams among this `NUMBER` of processes. Default: as many as the descriptor limit requires."},
		&cli.IntFlag{Name: "opening", Usage: "Open this `NUMBER` of streams at a time, in each process. Default: 32."},
		&cli.IntFlag{Name: "slow-share", Usage: "For slow: let this `PERCENT` of the streams read nothing. Default: 20."},
		&cli.IntFlag{Name: "churn-rate", Usage: "For churn: end and open this `NUMBER` of streams a second. Default: 100."},
		&cli.IntFlag{Name: "storm-size", Usage: "For storm: let this `NUMBER` of streams reconnect. Default: half."},
		&cli.BoolFlag{Name: "lazy", Usage: "Read only every millisecond, which saves wake-ups, as remote clients do."},
		&cli.IntSliceFlag{Name: "pid", Usage: "Measure memory and processor time of the server process `PID` and its children. May be repeated. Default: the process of the daemon."},
	}
}

// benchTimeout is how long a stream may take to open, and a message to arrive, unless --timeout is
// longer.
const benchTimeout = 30 * time.Second

// options returns the options of the flags. What they leave open is 0, and bench completes it.
func options(c *cli.Context, timeout time.Duration) bench.Options {
	return bench.Options{
		Scenario:  bench.Scenario(c.String("scenario")),
		URL:       c.String("url"),
		Headers:   c.StringSlice("header"),
		TLS:       c.String("tls"),
		Curve:     c.String("curve"),
		HTTP2:     c.Bool("http2"),
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

		StreamsPerConnection: c.Int("streams-per-connection"),
	}
}
