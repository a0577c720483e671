package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
)

func (p *program) limitsCommand() *cli.Command {
	return &cli.Command{
		Name:  "limits",
		Usage: "show what is used of the limits, who was refused, and which networks are kept out",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "penalized", Usage: "list at most so many networks that are kept out, up to 1000", Value: 20},
		},
		Action: func(c *cli.Context) error {
			if _, err := words(c, 0, 0); err != nil {
				return err
			}
			most := c.Int("penalized")
			if most < 1 {
				return usagef("--penalized is less than 1")
			}
			limits, err := call(c.Context, p, func(ctx context.Context, client *admin.Conn) (admin.Limits, error) {
				return client.Limits(ctx, admin.LimitsParams{Penalized: most})
			})
			if err != nil {
				return err
			}
			if p.set.json {
				return p.out.json(limits)
			}
			p.printLimits(limits)
			return p.out.err
		},
	}
}

func (p *program) printLimits(l admin.Limits) {
	t := &table{columns: []column{
		{heading: "LIMIT"}, {heading: "USED", right: true}, {heading: "OF", right: true}, {heading: "PEAK", right: true}, {heading: "REMARK", whole: true},
	}}
	for _, u := range l.Uses {
		t.add(
			cell{text: u.Key, style: bold},
			cell{text: amount(u.Used, u.Unit), style: useStyle(u)},
			cell{text: boundText(u)},
			cell{text: orDash(u.Peak, u.Unit), style: dim},
			cell{text: remark(u), style: dim},
		)
	}
	t.print(p.out)
	n := &l.Penalties
	line := func(name, value string) { p.out.raw([]byte(p.out.field(name, value))) }
	p.out.printf("\n")
	line("refused", reasonsText(l.Refused))
	line("offences", reasonsText(n.Offences))
	penalties := fmt.Sprintf("%s, %s kept out now, %d so far", n.Mode, plural(n.Total, "network"), n.Imposed)
	if n.DryRun > 0 {
		penalties += "; " + plural64(n.DryRun, "connection") + " let in by dry-run"
	}
	line("penalties", penalties)
	remembered := fmt.Sprintf("%s (at most %d)", plural(n.Table, "network"), n.TableMax)
	if n.Forgotten > 0 {
		remembered += fmt.Sprintf(", %d forgotten for want of room", n.Forgotten)
	}
	line("remembered", remembered)
	if l.Memory.Pressure != "" {
		line("memory", memoryText(&l.Memory))
		line("waiting", size(l.Memory.QueuedBytes)+" in the queues of all streams")
		line("freed", freedText(&l.Memory))
		line("published", publishText(&l.Publish))
	}
	if len(n.Penalized) == 0 {
		return
	}
	p.out.printf("\n")
	out := &table{columns: []column{{heading: "KEPT OUT"}, {heading: "FOR", right: true}, {heading: "BECAUSE OF", whole: true}}}
	for _, one := range n.Penalized {
		left := time.Duration(one.SecondsLeft * float64(time.Second)).Round(time.Second)
		out.add(cell{text: one.Network, style: bold}, cell{text: left.String()}, cell{text: one.Why})
	}
	out.print(p.out)
	switch more := n.Total - len(n.Penalized); {
	case more <= 0:
	case len(n.Penalized) >= admin.MaxPenalized:
		p.err.printf("%d more\n", more)
	default:
		p.err.printf("%d more; --penalized %d shows them\n", more, min(n.Total, admin.MaxPenalized))
	}
}

// amount is a number in its unit: bytes as a size, all else as it is.
func amount(n int64, unit string) string {
	if unit == "bytes" {
		return size(n)
	}
	return strconv.FormatInt(n, 10)
}

func orDash(n int64, unit string) string {
	if n == 0 {
		return "-"
	}
	return amount(n, unit)
}

func boundText(u admin.LimitUse) string {
	if u.Limit == 0 {
		return "no bound"
	}
	return amount(u.Limit, u.Unit)
}

// remark says whose use it is, and how many wait.
func remark(u admin.LimitUse) string {
	switch {
	case u.Of != "":
		return "by " + u.Of
	case u.Waiting > 0:
		return amount(u.Waiting, u.Unit) + " waiting"
	}
	return ""
}

// useStyle is yellow from four fifths of a bound on, and red when it is reached.
func useStyle(u admin.LimitUse) style {
	switch {
	case u.Limit > 0 && u.Used >= u.Limit:
		return red
	case u.Limit > 0 && u.Used >= u.Limit-u.Limit/5:
		return yellow
	}
	return plain
}
