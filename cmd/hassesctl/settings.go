package main

import (
	"cmp"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"
)

// defaultTimeout bounds one call of the daemon.
const defaultTimeout = 5 * time.Second

// settings are the global flags after the environment filled in what they left open.
type settings struct {
	socket  string // empty: the default places are tried
	tcp     string
	ca      string
	cert    string
	key     string
	authKey string // file; empty: none
	json    bool
	timeout time.Duration
}

func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "socket", Usage: "Unix socket `PATH` of the daemon's control protocol (default: /run/hassesd/control.sock, then the one of hassesd --dev)"},
		&cli.StringFlag{Name: "tcp", Usage: "`HOST:PORT` of the control protocol, instead of the socket; without --ca plain TCP, on loopback only"},
		&cli.StringFlag{Name: "ca", Usage: "PEM `FILE` with the certificates to trust: for --tcp, and for the stream of tail"},
		&cli.StringFlag{Name: "cert", Usage: "PEM `FILE` with the certificate to show to the daemon, for --tcp"},
		&cli.StringFlag{Name: "key", Usage: "PEM `FILE` with the key of --cert"},
		&cli.StringFlag{Name: "auth-key-file", Usage: "`FILE` with the key that gives this connection its role, see [[control.key]] of the daemon"},
		&cli.BoolFlag{Name: "json", Usage: "print the protocol's result as one line of JSON"},
		&cli.DurationFlag{Name: "timeout", Usage: "give up after `DURATION`, such as 500ms or 1m (default: 5s)"},
	}
}

// newSettings puts flags before environment before defaults. Where to reach the daemon is one choice: a flag for it
// also puts aside the environment's other way.
func newSettings(c *cli.Context, env environment) (settings, error) {
	s := settings{
		socket:  c.String("socket"),
		tcp:     c.String("tcp"),
		ca:      cmp.Or(c.String("ca"), env.get("HASSESCTL_CA")),
		cert:    c.String("cert"),
		key:     c.String("key"),
		authKey: cmp.Or(c.String("auth-key-file"), env.get("HASSESCTL_AUTH_KEY_FILE")),
		json:    c.Bool("json"),
		timeout: c.Duration("timeout"),
	}
	if s.socket == "" && s.tcp == "" {
		s.socket, s.tcp = env.get("HASSESCTL_SOCKET"), env.get("HASSESCTL_TCP")
		if s.socket != "" && s.tcp != "" {
			return s, usagef("HASSESCTL_SOCKET and HASSESCTL_TCP are both set: unset one, or give --socket or --tcp")
		}
	} else if s.socket != "" && s.tcp != "" {
		return s, usagef("--socket and --tcp exclude each other")
	}
	if s.cert == "" && s.key == "" {
		s.cert, s.key = env.get("HASSESCTL_CERT"), env.get("HASSESCTL_KEY")
	}
	if (s.cert == "") != (s.key == "") {
		return s, usagef("--cert and --key go together")
	}
	if s.tcp == "" && c.IsSet("cert") {
		return s, usagef("--cert and --key are for --tcp")
	}

	if text := env.get("HASSESCTL_JSON"); text != "" && !c.IsSet("json") {
		on, err := strconv.ParseBool(text)
		if err != nil {
			return s, usagef("HASSESCTL_JSON=%s: want true or false", text)
		}
		s.json = on
	}
	if text := env.get("HASSESCTL_TIMEOUT"); !c.IsSet("timeout") {
		s.timeout = defaultTimeout
		if text != "" {
			d, err := parseDuration(text)
			if err != nil {
				return s, usagef("HASSESCTL_TIMEOUT=%w", err)
			}
			if d <= 0 {
				return s, usagef("HASSESCTL_TIMEOUT=%s: want a duration over zero, such as 500ms or 1m", text)
			}
			s.timeout = d
		}
	} else if s.timeout <= 0 {
		return s, usagef("--timeout wants a duration over zero, such as 500ms or 1m")
	}
	return s, nil
}
