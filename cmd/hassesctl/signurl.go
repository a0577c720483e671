package main

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/auth"
)

// defaultURLTTL is how long a signed URL opens streams unless told otherwise: the page that has it connects at once, and
// may lose the connection.
const defaultURLTTL = 5 * time.Minute

func (p *program) signURLCommand() *cli.Command {
	return &cli.Command{
		Name:      "sign-url",
		Usage:     "sign a URL for a subscriber",
		ArgsUsage: "ROOM...",
		Description: "Prints the URL that opens a stream of exactly these rooms, as the site would make it; without --url only " +
			"its query. '*' alone is every room. No daemon is asked.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "key-file", Usage: "the `FILE` with the key"},
			&cli.StringFlag{Name: "kid", Usage: "the key is called `KID`"},
			&cli.StringFlag{Name: "url", Usage: "streams are at `URL`, such as https://example.org/sse"},
			&cli.StringFlag{Name: "id", Usage: "the stream's id is `ID`"},
			&cli.DurationFlag{Name: "ttl", Usage: "streams can be opened for `DURATION` (default: 5m)"},
			&cli.DurationFlag{Name: "until", Usage: "streams end after `DURATION` from now (default: they do not)"},
			&cli.StringFlag{Name: "ip", Usage: "only for `ADDRESS`, or a network such as 2001:db8::/64"},
		},
		Action: func(c *cli.Context) error {
			rooms, err := words(c, 1, -1)
			if err != nil {
				return err
			}
			return p.signURL(c, rooms, time.Now())
		},
	}
}

// signed is what sign-url prints: the --json document.
type signed struct {
	URL     string     `json:"url"` // or the query
	Expires time.Time  `json:"expires"`
	Until   *time.Time `json:"until,omitempty"`
}

func (p *program) signURL(c *cli.Context, rooms []string, now time.Time) error {
	query, err := subscription(rooms, c.String("id"))
	if err != nil {
		return err
	}
	ttl, err := ttlFlag(c, defaultURLTTL)
	if err != nil {
		return err
	}
	out := signed{Expires: now.Add(ttl).UTC().Truncate(time.Second)}
	query.Set("exp", strconv.FormatInt(out.Expires.Unix(), 10))
	if c.IsSet("until") {
		until := now.Add(c.Duration("until")).UTC().Truncate(time.Second)
		if !until.After(now) {
			return usagef("--until wants a duration of a second at least, such as 8h")
		}
		query.Set("until", strconv.FormatInt(until.Unix(), 10))
		out.Until = &until
	}
	if ip := c.String("ip"); ip != "" {
		if _, err := auth.ParseAddress(ip); err != nil {
			return usagef("--ip wants an address such as 192.0.2.7, or a network such as 2001:db8::/64, and not %q", ip)
		}
		query.Set("ip", ip)
	}
	key, err := urlKey(c)
	if err != nil {
		return err
	}
	if out.URL, err = signedURL(cmp.Or(c.String("url"), p.env.get("HASSESCTL_URL")), query, key); err != nil {
		return err
	}
	if p.set.json {
		return p.out.json(out)
	}
	p.out.printf("%s\n", out.URL)
	return p.out.err
}

// urlKey reads the key of --key-file and --kid.
func urlKey(c *cli.Context) (auth.URLKey, error) {
	text, err := keyFile(c)
	if err != nil {
		return auth.URLKey{}, err
	}
	key, err := auth.NewURLKey(c.String("kid"), text)
	if err != nil {
		return auth.URLKey{}, fmt.Errorf("%s %w", c.String("key-file"), err)
	}
	return key, nil
}

// signedURL puts the query behind the address, and signs all of it. Without an address it is the query alone.
func signedURL(address string, query url.Values, key auth.URLKey) (string, error) {
	if address == "" {
		return key.Sign(query.Encode())
	}
	text, err := streamURL(address, query)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", err
	}
	if u.RawQuery, err = key.Sign(u.RawQuery); err != nil {
		return "", err
	}
	return u.String(), nil
}
