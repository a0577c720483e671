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
		&cli.StringFlag{Name: "socket", Usage: "Connect to the control socket at `PATH`. Default: /run/hassesd/control.sock, then the socket of hassesd --dev."},
		&cli.StringFlag{Name: "tcp", Usage: "Connect to the control port at `HOST:PORT` instead of the socket, such as 127.0.0.1:8085. Without --ca it is plain TCP, which works on loopback only."},
		&cli.StringFlag{Name: "ca", Usage: "Trust the certificates in this PEM `FILE`, for --tcp and for the stream of tail."},
		&cli.StringFlag{Name: "cert", Usage: "Present the certificate in this PEM `FILE` to the control port. It needs --tcp and --key."},
		&cli.StringFlag{Name: "key", Usage: "Read the private key of --cert from this PEM `FILE`."},
		&cli.StringFlag{Name: "auth-key-file", Usage: "Read from `FILE` the key that gives this connection its role. See [[control.key]] in the configuration of the daemon."},
		&cli.BoolFlag{Name: "json", Usage: "Print the result as one line of JSON."},
		&cli.DurationFlag{Name: "timeout", Usage: "Give up after `DURATION`, such as 500ms or 1m. Default: 5s."},
	}
}

// NewSettings combines flags, environment and defaults, in this order of precedence. How to reach
// the daemon is one choice: a flag for it overrides both variables of the environment.
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
			return s, exit.Usagef("HASSESCTL_JSON=%s: it must be true or false", text)
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
				return s, exit.Usagef("HASSESCTL_TIMEOUT=%s: it must be over zero, such as 500ms or 1m", text)
			}
			s.Timeout = d
		}
	} else if s.Timeout <= 0 {
		return s, exit.Usagef("--timeout must be over zero, such as 500ms or 1m")
	}
	return s, nil
}
