package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/bench"
	"github.com/hassesd/hassesd/internal/pemfile"
)

func (p *program) benchCommand() *cli.Command {
	return &cli.Command{
		Name:  "bench",
		Usage: "load a server with streams and messages, and measure",
		Description: "Opens streams, publishes, and checks that each stream gets each message once and in order. " +
			"Without --url it is the daemon of the control connection; with --url and --publish-url it can be any server of " +
			"Server-Sent Events. It runs for --duration, or until it is interrupted. The exit code is 1 if anything was " +
			"lost, doubled, out of order or broken, or if the server ended a stream.",
		Flags: []cli.Flag{
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
		},
		Action: func(c *cli.Context) error {
			if _, err := words(c, 0, 0); err != nil {
				return err
			}
			ctx, stop := untilSignal(c.Context)
			defer stop()
			return p.bench(ctx, c)
		},
	}
}

// benchWorkerCommand is a worker process of bench.
func (p *program) benchWorkerCommand() *cli.Command {
	return &cli.Command{
		Name:   "__bench-worker",
		Hidden: true,
		Action: func(*cli.Context) error { return bench.Serve(p.stdin, p.out.w) },
	}
}

func (p *program) bench(ctx context.Context, c *cli.Context) error {
	o := bench.Options{
		Scenario: bench.Scenario(c.String("scenario")), Headers: c.StringSlice("header"),
		TLS: c.String("tls"), Curve: c.String("curve"),
		Streams: c.Int("streams"), Rooms: c.Int("rooms"), Rate: c.Float64("rate"), InFlight: c.Int("in-flight"), Size: c.Int("size"),
		Duration: c.Duration("duration"), Warmup: c.Duration("warmup"), Settle: c.Duration("settle"), Timeout: max(p.set.timeout, benchTimeout),
		Sources: c.String("sources"), Processes: c.Int("processes"), Opening: c.Int("opening"), Lazy: c.Bool("lazy"),
		SlowShare: c.Int("slow-share"), ChurnRate: c.Int("churn-rate"), StormSize: c.Int("storm-size"),
		URL: c.String("url"),
	}
	parts := bench.Parts{PIDs: c.IntSlice("pid"), Spawn: spawnSelf, Report: func(text string) { p.err.printf("hassesctl: %s\n", text) }}
	devPEM := ""
	if o.URL == "" || c.String("publish-url") == "" && o.Scenario != bench.Idle {
		hello, pid, err := p.benchDaemon(ctx)
		if err != nil {
			return err
		}
		if o.URL == "" {
			if o.URL, err = benchURL(hello.URL); err != nil {
				return err
			}
		}
		if len(parts.PIDs) == 0 && pid > 0 {
			parts.PIDs = []int{pid}
		}
		devPEM = hello.CAPEM
	}
	var err error
	if o.RootsPEM, err = trustedPEM(p.set.ca, devPEM); err != nil {
		return err
	}
	if err := o.Complete(); err != nil {
		return &failure{exitUsage, err, ""}
	}
	if o.Scenario != bench.Idle {
		if parts.Door, err = p.benchDoor(ctx, c, o); err != nil {
			return err
		}
		defer parts.Door.Close()
	}
	res, err := bench.Run(ctx, o, parts)
	if err != nil {
		return err
	}
	if p.set.json {
		err = p.out.json(res)
	} else {
		err = p.printBench(res)
	}
	if err == nil && len(res.Problems) > 0 {
		return &failure{exitFailed, errors.New(strings.Join(res.Problems, "; ")), ""}
	}
	return err
}

// benchTimeout is how long a stream may take to open, and a message to arrive, if --timeout does not say more.
const benchTimeout = 30 * time.Second

// benchDaemon asks the daemon where to subscribe, and for its process if that is on this machine.
func (p *program) benchDaemon(ctx context.Context) (admin.Hello, int, error) {
	ctx, cancel := context.WithTimeout(ctx, p.set.timeout)
	defer cancel()
	client, err := p.dial(ctx)
	if err != nil {
		return admin.Hello{}, 0, err
	}
	defer hangUp(client)
	hello, err := client.Hello(ctx)
	if err != nil || p.set.tcp != "" && p.set.ca != "" {
		return hello, 0, err
	}
	status, err := client.Status(ctx)
	return hello, status.PID, err
}

// benchURL makes the template of a subscription from the place where browsers subscribe.
func benchURL(address string) (string, error) {
	base, err := streamURL(address, nil)
	if err != nil {
		return "", err
	}
	return base + "?subscribe={room}", nil
}

// trustedPEM is the certificates of the file, or else the text.
func trustedPEM(file, text string) (string, error) {
	if file == "" {
		return text, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the certificates to trust: %w", err)
	}
	if _, err := pemfile.Certificates(data); err != nil {
		return "", fmt.Errorf("read the certificates to trust in %s: %w", file, err)
	}
	return string(data), nil
}

// benchDoor opens what messages are published over.
func (p *program) benchDoor(ctx context.Context, c *cli.Context, o bench.Options) (*bench.Door, error) {
	if to := c.String("publish-url"); to != "" {
		if c.IsSet("publish") {
			return nil, usagef("--publish and --publish-url exclude each other")
		}
		roots, err := trusted(p.set.ca, "")
		if err != nil {
			return nil, err
		}
		return bench.DialHTTP(ctx, to, c.StringSlice("publish-header"), roots, o.Timeout)
	}
	network, address, err := p.controlAddress()
	if err != nil {
		return nil, err
	}
	switch form := cmp.Or(c.String("publish"), "classic"); form {
	case "classic":
		return bench.DialClassic(ctx, network, address, o.Timeout)
	case "json":
		return bench.DialJSON(ctx, network, address, o.Timeout)
	default:
		return nil, usagef("--publish %s: want classic or json", form)
	}
}

// controlAddress is where the control connection goes, for a second one beside the protocol's client.
func (p *program) controlAddress() (network, address string, err error) {
	switch {
	case p.set.tcp != "" && p.set.ca != "":
		return "", "", usagef("bench publishes over the Unix socket, over plain TCP on this machine, or with --publish-url")
	case p.set.tcp != "":
		return "tcp", p.set.tcp, nil
	case p.set.socket != "":
		return "unix", p.set.socket, nil
	}
	probe, err := net.Dial("unix", admin.DefaultSocket)
	if err != nil {
		return "unix", admin.DevSocket(), nil // which has answered already
	}
	return "unix", admin.DefaultSocket, probe.Close()
}
