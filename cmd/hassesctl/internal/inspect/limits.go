package inspect

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
)

// Limits returns the command limits.
func Limits(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:  "limits",
		Usage: "show how much of each limit is used, what was refused, and which networks are kept out",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "penalized", Usage: "List at most `N` networks that are kept out, up to 1000. Default: 20.", Value: 20},
		},
		Action: func(c *cli.Context) error {
			if _, err := cmdline.Words(c, 0, 0); err != nil {
				return err
			}
			most := c.Int("penalized")
			if most < 1 {
				return exit.Usagef("--penalized must be at least 1")
			}
			limits, err := session.Call(c.Context, s, func(ctx context.Context, client *client.Conn) (api.Limits, error) {
				return client.Limits(ctx, api.LimitsParams{Penalized: most})
			})
			if err != nil {
				return err
			}
			if s.JSON {
				return s.Out.JSON(limits)
			}
			printLimits(s, limits)
			return s.Out.Err()
		},
	}
}

func printLimits(s *session.Session, l api.Limits) {
	t := &output.Table{Columns: []output.Column{
		{Heading: "LIMIT"}, {Heading: "USED", Right: true}, {Heading: "OF", Right: true}, {Heading: "PEAK", Right: true}, {Heading: "REMARK", Whole: true},
	}}
	for _, u := range l.Uses {
		t.Add(
			output.Cell{Text: u.Key, Style: output.Bold},
			output.Cell{Text: amount(u.Used, u.Unit), Style: useStyle(u)},
			output.Cell{Text: boundText(u)},
			output.Cell{Text: orDash(u.Peak, u.Unit), Style: output.Dim},
			output.Cell{Text: remark(u), Style: output.Dim},
		)
	}
	t.Print(s.Out)
	n := &l.Penalties
	line := func(name, value string) { s.Out.Raw([]byte(s.Out.Field(name, value))) }
	s.Out.Printf("\n")
	line("refused", reasonsText(l.Refused))
	line("offences", reasonsText(n.Offences))
	penalties := fmt.Sprintf("%s, %s kept out now, %d so far", n.Mode, output.Plural(n.Total, "network"), n.Imposed)
	if n.DryRun > 0 {
		penalties += "; " + output.Plural(n.DryRun, "connection") + " let in by dry-run"
	}
	line("penalties", penalties)
	remembered := fmt.Sprintf("%s (at most %d)", output.Plural(n.Table, "network"), n.TableMax)
	if n.Forgotten > 0 {
		remembered += fmt.Sprintf(", %d forgotten for want of room", n.Forgotten)
	}
	line("remembered", remembered)
	if l.Memory.Pressure != "" {
		line("memory", memoryText(&l.Memory))
		line("waiting", output.Size(l.Memory.QueuedBytes)+" in the queues of all streams")
		line("freed", freedText(&l.Memory))
		line("published", publishText(&l.Publish))
	}
	if len(n.Penalized) == 0 {
		return
	}
	s.Out.Printf("\n")
	out := &output.Table{Columns: []output.Column{{Heading: "KEPT OUT"}, {Heading: "FOR", Right: true}, {Heading: "BECAUSE OF", Whole: true}}}
	for _, one := range n.Penalized {
		left := time.Duration(one.SecondsLeft * float64(time.Second)).Round(time.Second)
		out.Add(output.Cell{Text: one.Network, Style: output.Bold}, output.Cell{Text: left.String()}, output.Cell{Text: one.Why})
	}
	out.Print(s.Out)
	switch more := n.Total - len(n.Penalized); {
	case more <= 0:
	case len(n.Penalized) >= api.MaxPenalized:
		s.Err.Printf("%d more\n", more)
	default:
		s.Err.Printf("%d more; --penalized %d shows them\n", more, min(n.Total, api.MaxPenalized))
	}
}

// amount returns a number in its unit: bytes as a size, everything else as it is.
func amount(n int64, unit string) string {
	if unit == "bytes" {
		return output.Size(n)
	}
	return strconv.FormatInt(n, 10)
}

func orDash(n int64, unit string) string {
	if n == 0 {
		return "-"
	}
	return amount(n, unit)
}

func boundText(u api.LimitUse) string {
	if u.Limit == 0 {
		return "no bound"
	}
	return amount(u.Limit, u.Unit)
}

// remark returns who uses that much, or how many wait.
func remark(u api.LimitUse) string {
	switch {
	case u.Of != "":
		return "by " + u.Of
	case u.Waiting > 0:
		return amount(u.Waiting, u.Unit) + " waiting"
	}
	return ""
}

// useStyle returns yellow from four fifths of a bound on, and red when it is reached.
func useStyle(u api.LimitUse) output.Style {
	switch {
	case u.Limit > 0 && u.Used >= u.Limit:
		return output.Red
	case u.Limit > 0 && u.Used >= u.Limit-u.Limit/5:
		return output.Yellow
	}
	return output.Plain
}
