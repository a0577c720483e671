// Package credential holds the commands that make and check credentials of subscribers: tokens and
// signed URLs. They ask no daemon.
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
		Description: "mint prints a token for the rooms of --room. check prints what a token grants; if a " +
			"daemon with this key and these flags would refuse it, check prints why and exits with 4. " +
			"Without TOKEN, check reads the token from standard input, where no other user sees it. " +
			"No daemon is asked.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "key-file", Usage: "Read the key from `FILE`: a secret for HS256, otherwise PEM. mint needs the private key."},
			&cli.StringFlag{Name: "kid", Usage: "Name the key `KID`, as the daemon does."},
			&cli.StringFlag{Name: "alg", Usage: "Use the key for `ALGORITHM`: HS256, RS256, ES256 or EdDSA. Default: the one that fits the key."},
			&cli.StringFlag{Name: "jwks-file", Usage: "check: use the keys of the JWK set in `FILE` instead of --key-file."},
			&cli.StringSliceFlag{Name: "room", Usage: "mint: grant `ROOM`, 'prefix*' or '*'. check: exit with 4 unless the token grants it. May be repeated."},
			&cli.StringSliceFlag{Name: "publish", Usage: "mint: also grant publishing to `ROOM`. May be repeated."},
			&cli.StringFlag{Name: "id", Usage: "mint: set the client's id to `ID`."},
			&cli.DurationFlag{Name: "ttl", Usage: "mint: make the token valid for `DURATION`, such as 10m; its streams end then. Default: 1h."},
			&cli.StringFlag{Name: "iss", Usage: "Set the issuer to `ISSUER` (mint), or require it (check)."},
			&cli.StringFlag{Name: "aud", Usage: "Set the audience to `AUDIENCE` (mint), or require it (check)."},
			&cli.StringFlag{Name: "sub", Usage: "mint: set the subject to `SUBJECT`, for people who read the token."},
			&cli.DurationFlag{Name: "leeway", Usage: "check: let clocks differ by `DURATION`. Default: 5s, as in the daemon."},
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
