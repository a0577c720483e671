package session

import (
	"cmp"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
)

// DefaultTimeout bounds one call of the daemon.
const DefaultTimeout = 5 * time.Second

// Settings are the global flags, completed from the environment.
type Settings struct {
	Socket  string // empty: the default places are tried
	TCP     string
	CA      string
	Cert    string
	Key     string
	AuthKey string // file; empty: none
	JSON    bool
	Timeout time.Duration
}

// GlobalFlags returns the flags of every command.
func GlobalFlags() []cli.Flag {
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

// NewSettings puts flags before environment before defaults. Where to reach the daemon is one choice: a flag for it
// also puts aside the environment's other way.
func NewSettings(c *cli.Context, env Environment) (Settings, error) {
	s := Settings{
		Socket:  c.String("socket"),
		TCP:     c.String("tcp"),
		CA:      cmp.Or(c.String("ca"), env.Get("HASSESCTL_CA")),
		Cert:    c.String("cert"),
		Key:     c.String("key"),
		AuthKey: cmp.Or(c.String("auth-key-file"), env.Get("HASSESCTL_AUTH_KEY_FILE")),
		JSON:    c.Bool("json"),
		Timeout: c.Duration("timeout"),
	}
	if s.Socket == "" && s.TCP == "" {
		s.Socket, s.TCP = env.Get("HASSESCTL_SOCKET"), env.Get("HASSESCTL_TCP")
		if s.Socket != "" && s.TCP != "" {
			return s, exit.Usagef("HASSESCTL_SOCKET and HASSESCTL_TCP are both set: unset one, or give --socket or --tcp")
		}
	} else if s.Socket != "" && s.TCP != "" {
		return s, exit.Usagef("--socket and --tcp exclude each other")
	}
	if s.Cert == "" && s.Key == "" {
		s.Cert, s.Key = env.Get("HASSESCTL_CERT"), env.Get("HASSESCTL_KEY")
	}
	if (s.Cert == "") != (s.Key == "") {
		return s, exit.Usagef("--cert and --key go together")
	}
	if s.TCP == "" && c.IsSet("cert") {
		return s, exit.Usagef("--cert and --key are for --tcp")
	}

	if text := env.Get("HASSESCTL_JSON"); text != "" && !c.IsSet("json") {
		on, err := strconv.ParseBool(text)
		if err != nil {
			return s, exit.Usagef("HASSESCTL_JSON=%s: want true or false", text)
		}
		s.JSON = on
	}
	if text := env.Get("HASSESCTL_TIMEOUT"); !c.IsSet("timeout") {
		s.Timeout = DefaultTimeout
		if text != "" {
			d, err := cmdline.ParseDuration(text)
			if err != nil {
				return s, exit.Usagef("HASSESCTL_TIMEOUT=%w", err)
			}
			if d <= 0 {
				return s, exit.Usagef("HASSESCTL_TIMEOUT=%s: want a duration over zero, such as 500ms or 1m", text)
			}
			s.Timeout = d
		}
	} else if s.Timeout <= 0 {
		return s, exit.Usagef("--timeout wants a duration over zero, such as 500ms or 1m")
	}
	return s, nil
}
