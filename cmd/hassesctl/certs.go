package main

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
)

func (p *program) certsCommand() *cli.Command {
	return &cli.Command{
		Name:  "certs",
		Usage: "list the certificates, when they end and what is wrong with them",
		Description: "The first is for every name that none of them has. What is wrong, and when it is tried again, " +
			"goes to the standard error.",
		Action: func(c *cli.Context) error {
			if _, err := words(c, 0, 0); err != nil {
				return err
			}
			certificates, err := call(c.Context, p, func(ctx context.Context, client *admin.Conn) (admin.Certificates, error) {
				return client.Certificates(ctx)
			})
			if err != nil {
				return err
			}
			if p.set.json {
				return p.out.json(certificates)
			}
			p.printCertificates(certificates.Certificates)
			return p.out.err
		},
	}
}

func certificatesTable(list []admin.Certificate) *table {
	t := &table{columns: []column{
		{heading: "NAMES", yields: 1, least: 12},
		{heading: "SOURCE"},
		{heading: "KEY", yields: 1, least: 7},
		{heading: "ISSUER", yields: 2, least: 6},
		{heading: "ENDS"},
		{heading: "DAYS LEFT", right: true},
		{heading: "SINCE"},
	}}
	for _, c := range list {
		t.add(
			cell{text: namesText(c.Names), style: bold},
			cell{text: c.Source},
			cell{text: cmp.Or(c.Key, "-")},
			cell{text: cmp.Or(c.Issuer, "-")},
			cell{text: dayText(c.NotAfter), style: endStyle(c)},
			cell{text: daysText(c), style: endStyle(c)},
			cell{text: dayText(c.LoadedAt), style: dim},
		)
	}
	return t
}

func (p *program) printCertificates(list []admin.Certificate) {
	t := certificatesTable(list)
	t.print(p.out)
	for _, c := range list {
		about := cmp.Or(c.CertFile, namesText(c.Names))
		for _, w := range c.Warnings {
			p.err.printf("%s: %s\n", about, w)
		}
		if c.LastError == "" {
			continue
		}
		p.err.printf("%s: failed at %s: %s\n", about, timeText(c.LastErrorAt), c.LastError)
		if !c.NextTry.IsZero() {
			p.err.printf("%s: tried again at %s\n", about, timeText(c.NextTry))
		}
	}
}

// namesText is the first names, and how many there are besides.
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

func dayText(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}

func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func daysText(c admin.Certificate) string {
	if c.NotAfter.IsZero() {
		return "-"
	}
	return strconv.Itoa(c.DaysLeft)
}

// endStyle is red for what is over, and yellow for what should have been renewed.
func endStyle(c admin.Certificate) style {
	switch {
	case c.NotAfter.IsZero(), c.DaysLeft < 0:
		return red
	case c.Due:
		return yellow
	}
	return green
}
