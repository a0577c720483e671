package credential

import (
	"cmp"
	"net/url"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/subscription"
	"github.com/hassesd/hassesd/internal/auth"
)

// defaultURLTTL is how long a signed URL opens streams without --ttl: the page that has it connects
// at once, and may lose the connection.
const defaultURLTTL = 5 * time.Minute

// SignURL returns the command sign-url.
func SignURL(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:      "sign-url",
		Usage:     "sign a URL for a subscriber",
		ArgsUsage: "ROOM...",
		Description: "Prints the URL that opens a stream of exactly these rooms; without --url it prints only " +
			"the query. '*' alone is every room. No daemon is asked.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "key-file", Usage: "Read the key from `FILE`."},
			&cli.StringFlag{Name: "kid", Usage: "Name the key `KID`, as the daemon does."},
			&cli.StringFlag{Name: "url", Usage: "Sign for streams at `URL`, such as https://example.org/sse. Default: HASSESCTL_URL."},
			&cli.StringFlag{Name: "id", Usage: "Set the client's id to `ID`."},
			&cli.DurationFlag{Name: "ttl", Usage: "Let the URL open streams for `DURATION`, such as 30s. Default: 5m."},
			&cli.DurationFlag{Name: "until", Usage: "End the streams `DURATION` from now, such as 8h. Default: they do not end."},
			&cli.StringFlag{Name: "ip", Usage: "Let only `ADDRESS` use the URL, or a network such as 2001:db8::/64."},
		},
		Action: func(c *cli.Context) error {
			rooms, err := cmdline.Words(c, 1, -1)
			if err != nil {
				return err
			}
			return signURL(s, c, rooms, time.Now())
		},
	}
}

// signed is the --json document of sign-url.
type signed struct {
	URL     string     `json:"url"` // or the query
	Expires time.Time  `json:"expires"`
	Until   *time.Time `json:"until,omitempty"`
}

// signURL prints a signed URL, or its query.
func signURL(s *session.Session, c *cli.Context, rooms []string, now time.Time) error {
	query, err := subscription.Query(rooms, c.String("id"))
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
			return exit.Usagef("--until must be at least a second, such as 8h")
		}
		query.Set("until", strconv.FormatInt(until.Unix(), 10))
		out.Until = &until
	}
	if ip := c.String("ip"); ip != "" {
		if _, err := auth.ParseAddress(ip); err != nil {
			return exit.Usagef("--ip must be an address such as 192.0.2.7, or a network such as 2001:db8::/64, not %q", ip)
		}
		query.Set("ip", ip)
	}
	key, err := URLKey(c)
	if err != nil {
		return err
	}
	if out.URL, err = signedURL(cmp.Or(c.String("url"), s.Env.Get("HASSESCTL_URL")), query, key); err != nil {
		return err
	}
	if s.JSON {
		return s.Out.JSON(out)
	}
	s.Out.Printf("%s\n", out.URL)
	return s.Out.Err()
}

// signedURL adds the query to the address and signs the whole query. Without an address it returns
// the query alone.
func signedURL(address string, query url.Values, key auth.URLKey) (string, error) {
	if address == "" {
		return key.Sign(query.Encode())
	}
	text, err := subscription.URL(address, query)
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
