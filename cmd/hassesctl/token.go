package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/auth"
)

// defaultTokenTTL is how long a token is good unless told otherwise.
const defaultTokenTTL = time.Hour

func (p *program) tokenCommand() *cli.Command {
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
			args, err := words(c, 1, 2)
			if err != nil {
				return err
			}
			switch {
			case args[0] == "mint" && len(args) == 1:
				return p.tokenMint(c, time.Now())
			case args[0] == "check":
				return p.tokenCheck(c, strings.Join(args[1:], ""), time.Now())
			}
			return usagef("token takes %s, and got %q", c.Command.ArgsUsage, strings.Join(args, " "))
		},
	}
}

// minted is what mint prints: the --json document.
type minted struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

func (p *program) tokenMint(c *cli.Context, now time.Time) error {
	if c.IsSet("jwks-file") || c.IsSet("leeway") {
		return usagef("--jwks-file and --leeway are for check")
	}
	if len(c.StringSlice("room")) == 0 && len(c.StringSlice("publish")) == 0 {
		return usagef("the token would grant nothing: name a room with --room")
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
	if p.set.json {
		return p.out.json(minted{token, m.Expires.UTC().Truncate(time.Second)})
	}
	p.out.printf("%s\n", token)
	return p.out.err
}

// checked is what check prints: the --json document. What stands behind reason is of a token with a good signature only.
type checked struct {
	Accepted  bool       `json:"accepted"`
	Reason    string     `json:"reason,omitempty"` // why not
	Algorithm string     `json:"algorithm,omitempty"`
	KeyID     string     `json:"kid,omitempty"`
	Issuer    string     `json:"issuer,omitempty"`
	Audience  []string   `json:"audience,omitempty"`
	Subject   string     `json:"subject,omitempty"`
	ID        string     `json:"id,omitempty"`
	Subscribe []string   `json:"subscribe"`
	Publish   []string   `json:"publish"`
	NotBefore *time.Time `json:"not_before,omitempty"`
	Expires   *time.Time `json:"expires,omitempty"`
	Refused   string     `json:"refused_room,omitempty"` // the first of --room that is not granted
}

func (p *program) tokenCheck(c *cli.Context, text string, now time.Time) error {
	for _, name := range []string{"publish", "id", "ttl", "sub"} {
		if c.IsSet(name) {
			return usagef("--%s is for mint", name)
		}
	}
	tokens, err := checkingKeys(c)
	if err != nil {
		return err
	}
	if text == "" || text == "-" {
		all, err := io.ReadAll(io.LimitReader(p.stdin, auth.MaxToken+64))
		if err != nil {
			return fmt.Errorf("read the token: %w", err)
		}
		text = string(bytes.TrimSpace(all))
	}
	token, err := tokens.Read(text, now)
	denial := auth.Malformed
	if err != nil && !errors.As(err, &denial) {
		return err
	}
	out := checked{Accepted: err == nil, Subscribe: []string{}, Publish: []string{}}
	if err != nil {
		out.Reason = denial.Name()
	}
	if token != nil {
		out.describe(token)
		if room, refused := token.Grant.FirstRefused(c.StringSlice("room"), false); refused {
			out.Refused = room
		}
	}
	if p.set.json {
		if err := p.out.json(out); err != nil {
			return err
		}
	} else if token != nil {
		p.printToken(&out, now)
	}
	switch {
	case err != nil:
		return &failure{exitNotAllowed, fmt.Errorf("the token is refused: %w", denial), denialHint(denial)}
	case out.Refused != "":
		return &failure{exitNotAllowed, fmt.Errorf("the token does not grant the room %q", out.Refused), ""}
	}
	return p.out.err
}

func denialHint(d auth.Denial) string {
	if d == auth.UnknownKey {
		return "--kid must be the kid of the token, and the key one for its alg; a token without kid wants a key without --kid"
	}
	return ""
}

func (o *checked) describe(t *auth.Token) {
	o.Algorithm, o.KeyID, o.Issuer, o.Audience = string(t.Algorithm), t.KeyID, t.Issuer, t.Audience
	o.Subject, o.ID = t.Subject, t.Grant.ID
	for _, r := range t.Grant.Rooms {
		o.Subscribe = append(o.Subscribe, r.String())
	}
	for _, r := range t.Grant.Publish {
		o.Publish = append(o.Publish, r.String())
	}
	if !t.NotBefore.IsZero() {
		at := t.NotBefore.UTC()
		o.NotBefore = &at
	}
	if !t.Expires.IsZero() {
		at := t.Expires.UTC()
		o.Expires = &at
	}
}

func (p *program) printToken(o *checked, now time.Time) {
	line := func(name, value string) { p.out.printf("%-11s %s\n", name, cmp.Or(value, "-")) }
	line("subscribe", strings.Join(o.Subscribe, ", "))
	line("publish", strings.Join(o.Publish, ", "))
	line("id", o.ID)
	if o.Expires != nil {
		left := o.Expires.Sub(now)
		when := "in " + age(left.Seconds())
		if left <= 0 {
			when = age(-left.Seconds()) + " ago"
		}
		line("expires", timeText(*o.Expires)+" ("+when+")")
	}
	if o.NotBefore != nil {
		line("not before", timeText(*o.NotBefore))
	}
	line("algorithm", o.Algorithm)
	line("kid", o.KeyID)
	line("issuer", o.Issuer)
	line("audience", strings.Join(o.Audience, ", "))
	line("subject", o.Subject)
}

// checkingKeys are the keys that a daemon would check with.
func checkingKeys(c *cli.Context) (*auth.Tokens, error) {
	o := auth.TokenOptions{Issuer: c.String("iss"), Audience: c.String("aud"), Leeway: 5 * time.Second}
	if c.IsSet("leeway") {
		o.Leeway = c.Duration("leeway")
	}
	if path := c.String("jwks-file"); path != "" {
		if c.IsSet("key-file") || c.IsSet("kid") || c.IsSet("alg") {
			return nil, usagef("--jwks-file has keys, names and algorithms in it: leave --key-file, --kid and --alg out")
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the keys: %w", err)
		}
		keys, _, err := auth.ParseJWKS(text)
		if err != nil {
			return nil, fmt.Errorf("%s %w", path, err)
		}
		o.Keys = keys
		return auth.NewTokens(o)
	}
	text, err := keyFile(c)
	if err != nil {
		return nil, err
	}
	key, err := checkingKey(c.String("kid"), auth.Algorithm(c.String("alg")), text)
	if err != nil {
		return nil, fmt.Errorf("%s %w", c.String("key-file"), err)
	}
	o.Keys = []auth.TokenKey{key}
	return auth.NewTokens(o)
}

// checkingKey takes either half of a key: who checks a token here may well be who made it.
func checkingKey(id string, alg auth.Algorithm, text []byte) (auth.TokenKey, error) {
	signing, err := auth.NewSigningKey(id, alg, text)
	if err == nil {
		return signing.TokenKey, nil
	}
	if alg != "" {
		return auth.NewTokenKey(id, alg, text)
	}
	if !bytes.Contains(text, []byte("-----BEGIN")) {
		return auth.TokenKey{}, err // of the secret that it can only be
	}
	for _, alg := range auth.Algorithms {
		var key auth.TokenKey
		if key, err = auth.NewTokenKey(id, alg, text); err == nil {
			return key, nil
		}
	}
	return auth.TokenKey{}, err
}

// keyFile reads the file of --key-file.
func keyFile(c *cli.Context) ([]byte, error) {
	path := c.String("key-file")
	if path == "" {
		return nil, usagef("%s needs a key: --key-file FILE", c.Command.Name)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	return text, nil
}

// ttlFlag is --ttl, in whole seconds as tokens and URLs have them.
func ttlFlag(c *cli.Context, byDefault time.Duration) (time.Duration, error) {
	if !c.IsSet("ttl") {
		return byDefault, nil
	}
	ttl := c.Duration("ttl")
	if ttl < time.Second {
		return 0, usagef("--ttl wants a duration of a second at least, such as 10m")
	}
	return ttl, nil
}
