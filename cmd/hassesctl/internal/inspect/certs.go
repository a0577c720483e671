package inspect

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
)

// Certs returns the command certs.
func Certs(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:  "certs",
		Usage: "list the certificates, when they expire and what is wrong with them",
		Description: "The first certificate is for all names that no other one has. Problems, and the time of " +
			"the next attempt, go to standard error.",
		Action: func(c *cli.Context) error {
			if _, err := cmdline.Words(c, 0, 0); err != nil {
				return err
			}
			certificates, err := session.Call(c.Context, s, func(ctx context.Context, client *client.Conn) (api.Certificates, error) {
				return client.Certificates(ctx)
			})
			if err != nil {
				return err
			}
			if s.JSON {
				return s.Out.JSON(certificates)
			}
			printCertificates(s, certificates.Certificates)
			return s.Out.Err()
		},
	}
}

func certificatesTable(list []api.Certificate) *output.Table {
	t := &output.Table{Columns: []output.Column{
		{Heading: "NAMES", Yields: 1, Least: 12},
		{Heading: "SOURCE"},
		{Heading: "KEY", Yields: 1, Least: 7},
		{Heading: "ISSUER", Yields: 2, Least: 6},
		{Heading: "ENDS"},
		{Heading: "DAYS LEFT", Right: true},
		{Heading: "SINCE"},
	}}
	for _, c := range list {
		t.Add(
			output.Cell{Text: namesText(c.Names), Style: output.Bold},
			output.Cell{Text: c.Source},
			output.Cell{Text: cmp.Or(c.Key, "-")},
			output.Cell{Text: cmp.Or(c.Issuer, "-")},
			output.Cell{Text: output.Day(c.NotAfter), Style: endStyle(c)},
			output.Cell{Text: daysText(c), Style: endStyle(c)},
			output.Cell{Text: output.Day(c.LoadedAt), Style: output.Dim},
		)
	}
	return t
}

func printCertificates(s *session.Session, list []api.Certificate) {
	t := certificatesTable(list)
	t.Print(s.Out)
	for _, c := range list {
		about := cmp.Or(c.CertFile, namesText(c.Names))
		for _, w := range c.Warnings {
			s.Err.Printf("%s: %s\n", about, output.Message(w))
		}
		if c.LastError == "" {
			continue
		}
		s.Err.Printf("%s: failed at %s: %s\n", about, output.Time(c.LastErrorAt), output.Message(c.LastError))
		if !c.NextTry.IsZero() {
			s.Err.Printf("%s: tried again at %s\n", about, output.Time(c.NextTry))
		}
	}
}

// namesText returns the first names, and the number of the others.
func namesText(names []string) string {
	const most = 3
	switch n := len(names); {
	case n == 0:
		return "-"
	case n <= most:
		return strings.Join(names, ",")
	default:
		return strings.Join(names[:most], ",") + " +" + strconv.Itoa(n-most)
	}
}

func daysText(c api.Certificate) string {
	if c.NotAfter.IsZero() {
		return "-"
	}
	return strconv.Itoa(c.DaysLeft)
}

// endStyle returns red for a certificate that has expired, and yellow for one that should have been
// renewed.
func endStyle(c api.Certificate) output.Style {
	switch {
	case c.NotAfter.IsZero(), c.DaysLeft < 0:
		return output.Red
	case c.Due:
		return output.Yellow
	}
	return output.Green
}
