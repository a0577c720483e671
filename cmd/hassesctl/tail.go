package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/pemfile"
	"github.com/hassesd/hassesd/internal/safetext"
)

func (p *program) tailCommand() *cli.Command {
	return &cli.Command{
		Name:      "tail",
		Usage:     "subscribe to rooms like a browser, and print what arrives",
		ArgsUsage: "ROOM...",
		Description: "Prints the data of each event. The stream reconnects and resumes by itself, and runs until it is " +
			"interrupted or refused. '*' alone is every room, where the daemon allows it.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "url", Usage: "subscribe at `URL`, such as https://example.org/sse (default: the daemon is asked over the control connection)"},
			&cli.StringFlag{Name: "since", Usage: "first all that came after the event `ID` and is still in history"},
			&cli.StringFlag{Name: "id", Usage: "call ourselves `ID`, as in the list of clients"},
			&cli.StringFlag{Name: "token-file", Usage: "show the token in `FILE`, which is read again for each connection"},
			&cli.StringFlag{Name: "key-file", Usage: "sign the URL of each connection with the key in `FILE`"},
			&cli.StringFlag{Name: "kid", Usage: "the key of --key-file is called `KID`"},
			&cli.StringFlag{Name: "exec", Usage: "run sh -c `CMD` for each event instead of printing it: the data is its standard input; HASSES_ID, HASSES_EVENT and, with one room, HASSES_ROOM are set"},
		},
		Action: func(c *cli.Context) error {
			rooms, err := words(c, 1, -1)
			if err != nil {
				return err
			}
			if c.IsSet("exec") && c.IsSet("json") && p.set.json {
				return usagef("--exec and --json exclude each other: the command prints what it likes")
			}
			query, err := subscription(rooms, c.String("id"))
			if err != nil {
				return err
			}
			if strings.ContainsFunc(c.String("since"), unicode.IsControl) {
				return usagef("--since wants the id of an event")
			}
			ctx, stop := untilSignal(c.Context)
			defer stop()
			return p.tail(ctx, c, query, rooms)
		},
	}
}

func (p *program) tail(ctx context.Context, c *cli.Context, query url.Values, rooms []string) error {
	address, pem := c.String("url"), ""
	if address == "" {
		address = p.env.get("HASSESCTL_URL")
	}
	if address == "" {
		hello, err := call(ctx, p, func(ctx context.Context, client *admin.Conn) (admin.Hello, error) {
			return client.Hello(ctx)
		})
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		address, pem = hello.URL, hello.CAPEM
	}
	show, err := credentials(c)
	if err != nil {
		return err
	}
	target, err := streamURL(address, query)
	if err != nil {
		return err
	}
	roots, err := trusted(p.set.ca, pem)
	if err != nil {
		return err
	}
	f := &follower{
		client: newHTTPClient(roots, p.set.timeout),
		url:    target,
		show:   show,
		note:   func(format string, args ...any) { p.err.printf("hassesctl: "+format, args...) },
		wait:   pauseFor,
		lastID: c.String("since"),
		retry:  firstRetry,
	}
	f.handle = p.reportGaps(p.printEvent, p.set.json)
	if cmd := c.String("exec"); cmd != "" {
		f.handle = p.reportGaps(newRunner(p, cmd, rooms).run, false)
	}
	return f.follow(ctx)
}

// subscription is the query that names the rooms. A room with the old grammar's separator in its name needs the new
// one.
func subscription(rooms []string, id string) (url.Values, error) {
	query := url.Values{}
	var simple []string
	for _, room := range rooms {
		switch {
		case room == "":
			return nil, usagef("a room's name is not empty")
		case room == "*" && len(rooms) > 1:
			return nil, usagef("'*' is every room already: give it alone")
		case strings.Contains(room, "-"):
			query.Add("room", room)
		default:
			simple = append(simple, room)
		}
	}
	if len(simple) > 0 {
		query.Set("subscribe", strings.Join(simple, "-"))
	}
	if id != "" {
		query.Set("id", id)
	}
	return query, nil
}

// streamURL adds the query to the place where browsers subscribe. An address that only says where the daemon listens
// becomes one that can be connected to.
func streamURL(address string, query url.Values) (string, error) {
	if address == "" {
		return "", &failure{exitFailed, errors.New("the daemon does not say where browsers subscribe"), "give the address with --url"}
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", usagef("%q is no URL: %w", address, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", usagef("%q is no URL to subscribe at: want https://HOST/PATH", address)
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "" || ip != nil && ip.IsUnspecified() {
		port := u.Port()
		if u.Host = "localhost"; port != "" {
			u.Host = net.JoinHostPort("localhost", port)
		}
	}
	given := u.Query()
	for name, values := range query {
		given[name] = slices.Concat(given[name], values)
	}
	u.RawQuery = given.Encode()
	u.Fragment = ""
	return u.String(), nil
}

// trusted is the system's certificates and those of the file and of the text, either of which may be empty.
func trusted(file, text string) (*x509.CertPool, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the certificates to trust: %w", err)
		}
		if err := pemfile.AddCertificates(roots, data); err != nil {
			return nil, fmt.Errorf("read the certificates to trust in %s: %w", file, err)
		}
	}
	if text != "" {
		if err := pemfile.AddCertificates(roots, []byte(text)); err != nil {
			return nil, fmt.Errorf("read the daemon's own certificate: %w", err)
		}
	}
	return roots, nil
}

func (p *program) printEvent(_ context.Context, ev event) error {
	switch {
	case p.set.json:
		return p.out.json(ev)
	case p.out.terminal:
		p.out.raw([]byte(safetext.VisibleLines(ev.Data) + "\n"))
	default:
		p.out.raw([]byte(ev.Data + "\n"))
	}
	return p.out.err
}

const (
	// gapEvent is what the daemon sends in the place of events that it does not have any more.
	gapEvent = "hasses.gap"
	// reauthEvent is what it sends before it ends a stream that nothing allows any more.
	reauthEvent = "hasses.reauth"
)

// reportGaps tells people about gaps, and why a stream ends. With pass they are events as well: that is for JSON, where nobody may be reading
// the standard error.
func (p *program) reportGaps(handle func(context.Context, event) error, pass bool) func(context.Context, event) error {
	return func(ctx context.Context, ev event) error {
		switch ev.Type {
		case gapEvent:
		case reauthEvent:
			p.err.printf("hassesctl: the token or signed URL of the stream has ended\n")
			if pass {
				return handle(ctx, ev)
			}
			return nil
		default:
			return handle(ctx, ev)
		}
		var gap struct {
			LastEventID string `json:"last_event_id"`
			ResumedAt   string `json:"resumed_at"`
		}
		if json.Unmarshal([]byte(ev.Data), &gap) != nil {
			gap.LastEventID, gap.ResumedAt = "?", ev.ID
		}
		p.err.printf("hassesctl: gap: events after %s up to %s are lost\n", gap.LastEventID, gap.ResumedAt)
		if pass {
			return handle(ctx, ev)
		}
		return nil
	}
}
