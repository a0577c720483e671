// Package credential holds the commands that make and check credentials of subscribers: tokens and signed URLs. They ask
// no daemon.
package credential

import (
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/auth"
)

// defaultTokenTTL is how long a token is valid without --ttl.
const defaultTokenTTL = time.Hour

// Token returns the command token.
func Token(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:      "token",
		Usage:     "make a JSON Web Token for subscribers, or check one",
		ArgsUsage: "mint | check [TOKEN]",
		Description: "mint prints a token for the rooms of --room; check says what a token grants, or why a daemon with this key " +
			"and these flags would refuse it, and exits with 4 then. Without TOKEN it is read from the standard input, where no " +
			"other user sees it. No daemon is asked.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "key-file", Usage: "the `FILE` with the key: a secret for HS256, otherwise PEM; mint needs the private key"},
			&cli.StringFlag{Name: "kid", Usage: "the key is called `KID`"},
			&cli.StringFlag{Name: "alg", Usage: "the key is for `ALGORITHM`: HS256, RS256, ES256 or EdDSA (default: what it is)"},
			&cli.StringFlag{Name: "jwks-file", Usage: "check with the keys of the JWK set in `FILE` instead"},
			&cli.StringSliceFlag{Name: "room", Usage: "mint: grant `ROOM`, 'prefix*' or '*'; check: would this room be granted? May be repeated"},
			&cli.StringSliceFlag{Name: "publish", Usage: "mint: also to publish to `ROOM`. May be repeated"},
			&cli.StringFlag{Name: "id", Usage: "mint: the stream's id is `ID`"},
			&cli.DurationFlag{Name: "ttl", Usage: "mint: good for `DURATION`, such as 10m; streams end then (default: 1h)"},
			&cli.StringFlag{Name: "iss", Usage: "the issuer is `ISSUER`: mint writes it, check wants it"},
			&cli.StringFlag{Name: "aud", Usage: "the audience is `AUDIENCE`: mint writes it, check wants it"},
			&cli.StringFlag{Name: "sub", Usage: "mint: the subject is `SUBJECT`, for people who read the token"},
			&cli.DurationFlag{Name: "leeway", Usage: "check: clocks may differ by `DURATION` (default: 5s, as in the daemon)"},
		},
		Action: func(c *cli.Context) error {
			args, err := cmdline.Words(c, 1, 2)
			if err != nil {
				return err
			}
			switch {
			case args[0] == "mint" && len(args) == 1:
				return mint(s, c, time.Now())
			case args[0] == "check":
				return check(s, c, strings.Join(args[1:], ""), time.Now())
			}
			return exit.Usagef("token takes %s, and got %q", c.Command.ArgsUsage, strings.Join(args, " "))
		},
	}
}

// minted is the --json document of mint.
type minted struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// mint makes a token and prints it.
func mint(s *session.Session, c *cli.Context, now time.Time) error {
	if c.IsSet("jwks-file") || c.IsSet("leeway") {
		return exit.Usagef("--jwks-file and --leeway are for check")
	}
	if len(c.StringSlice("room")) == 0 && len(c.StringSlice("publish")) == 0 {
		return exit.Usagef("the token would grant nothing: name a room with --room")
	}
	ttl, err := ttlFlag(c, defaultTokenTTL)
	if err != nil {
		return err
	}
	text, err := keyFile(c)
	if err != nil {
		return err
	}
	key, err := auth.NewSigningKey(c.String("kid"), auth.Algorithm(c.String("alg")), text)
	if err != nil {
		return fmt.Errorf("%s %w", c.String("key-file"), err)
	}
	m := auth.Mint{
		Subscribe: c.StringSlice("room"),
		Publish:   c.StringSlice("publish"),
		ID:        c.String("id"),
		Issuer:    c.String("iss"),
		Subject:   c.String("sub"),
		IssuedAt:  now,
		Expires:   now.Add(ttl),
	}
	if aud := c.String("aud"); aud != "" {
		m.Audience = []string{aud}
	}
	token, err := m.Token(key)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.Out.JSON(minted{token, m.Expires.UTC().Truncate(time.Second)})
	}
	s.Out.Printf("%s\n", token)
	return s.Out.Err()
}
