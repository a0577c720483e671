package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/safetext"
)

func (p *program) statusCommand() *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "show how the daemon is doing",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "watch", Usage: "look again each second until interrupted; with --json one line a look"},
		},
		Action: func(c *cli.Context) error {
			if _, err := words(c, 0, 0); err != nil {
				return err
			}
			if c.Bool("watch") {
				ctx, stop := untilSignal(c.Context)
				defer stop()
				return p.watchStatus(ctx)
			}
			status, err := call(c.Context, p, func(ctx context.Context, client *admin.Conn) (admin.Status, error) {
				return client.Status(ctx)
			})
			if err != nil {
				return err
			}
			return p.printStatus(status)
		},
	}
}

func (p *program) printStatus(status admin.Status) error {
	if p.set.json {
		return p.out.json(status)
	}
	p.out.raw([]byte(statusText(p.out, status)))
	return p.out.err
}

// watchStatus prints the status each p.refresh until the context ends, which is its good end. A terminal is
// redrawn in place.
func (p *program) watchStatus(ctx context.Context) error {
	client, err := p.dial(ctx)
	if err != nil {
		return err
	}
	defer hangUp(client)
	tick := time.NewTicker(p.refresh)
	defer tick.Stop()
	for first := true; ; first = false {
		status, err := within(ctx, p.set.timeout, client.Status)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.printLook(status, first); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (p *program) printLook(status admin.Status, first bool) error {
	switch {
	case p.set.json:
		return p.out.json(status)
	case p.out.terminal:
		p.out.raw(redraw(statusText(p.out, status), first))
		return p.out.err
	case !first:
		p.out.raw([]byte("\n"))
	}
	return p.printStatus(status)
}

// redraw puts text in the place of what the terminal shows, without the flicker of clearing it first.
func redraw(text string, first bool) []byte {
	var b bytes.Buffer
	if first {
		b.WriteString("\x1b[2J")
	}
	b.WriteString("\x1b[H")
	b.WriteString(strings.ReplaceAll(text, "\n", "\x1b[K\n"))
	b.WriteString("\x1b[J")
	return b.Bytes()
}

// statusText is the status for people: a headline, then names and values.
func statusText(s *screen, status admin.Status) string {
	var b strings.Builder
	user := safetext.Visible(status.User)
	if user == "" {
		user = "not set"
	}
	fmt.Fprintf(&b, "%s %s, pid %d, user %s (uid %d)\n",
		s.paint(bold, "hassesd"), s.paint(bold, safetext.Visible(status.Version)), status.PID, user, status.UID)
	if status.Draining {
		b.WriteString(string(s.paint(yellow, "draining: streams are being ended, no new ones are accepted")) + "\n")
	}
	line := func(name, value string) { b.WriteString(s.field(name, value)) }
	line("running", age(status.UptimeSeconds)+", since "+status.StartedAt.Format(time.RFC3339))
	line("mode", status.Mode)
	if len(status.Listen) > 0 {
		line("listens on", strings.Join(status.Listen, ", "))
	}
	for _, door := range status.Doors {
		if door.Kind != admin.DoorListen { // those are in listen
			line(doorName(door.Kind), door.Address+tlsMark(door.TLS))
		}
	}
	if status.CertFile != "" {
		line("certificate", status.CertFile+", key "+status.KeyFile)
	}
	if len(status.CORSOrigin) > 0 {
		line("origins", strings.Join(status.CORSOrigin, ", "))
	}
	line("log level", status.LogLevel)
	if status.LogRecordsLost > 0 {
		line("log", plural(int(status.LogRecordsLost), "record")+" lost: it could not be written fast enough, or not at all")
	}
	line("reinit", onOff(status.Reinit))
	line("connections", fmt.Sprintf("%d (peak %d, at most %d)", status.Connections, status.ConnectionsPeak, status.ConnectionsMax))
	line("streams", strconv.Itoa(status.Streams))
	line("loops", loopsText(status.Loops))
	line("opened", fmt.Sprintf("%d (and %d by a second request)", status.HandshakesTotal, status.ReinitsTotal))
	line("messages", fmt.Sprintf("%d (deliveries %d)", status.MessagesTotal, status.DeliveriesTotal))
	line("command errors", strconv.FormatUint(status.CommandErrorsTotal, 10))
	line("last event", status.LastEventID)
	line("history", historyText(status.History))
	if status.Memory != nil {
		line("memory", memoryText(status.Memory))
	}
	line("closed", reasonsText(status.Closed))
	if dropped := reasonsText(status.Dropped); len(status.Dropped) > 0 && dropped != reasonsText(nil) {
		line("dropped", dropped)
	}
	line("refused", reasonsText(status.Refused))
	return b.String()
}

// doorName is what people call a door; one that only a newer daemon has keeps its name.
func doorName(kind admin.DoorKind) string {
	switch kind {
	case admin.DoorListen:
		return "listener"
	case admin.DoorControlSocket:
		return "control socket"
	case admin.DoorControlTCP:
		return "control port"
	case admin.DoorFIFO:
		return "FIFO"
	}
	return string(kind)
}

func tlsMark(isTLS bool) string {
	if isTLS {
		return " (TLS)"
	}
	return ""
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// loopsText is the load of each loop, as streams of connections.
func loopsText(loops []admin.LoopStatus) string {
	parts := make([]string, len(loops))
	for i, l := range loops {
		parts[i] = fmt.Sprintf("%d/%d", l.Streams, l.Connections)
	}
	return plural(len(loops), "loop") + ", streams/connections " + strings.Join(parts, " ")
}

func historyText(h admin.HistoryStatus) string {
	if h.Events == 0 {
		return "empty"
	}
	return fmt.Sprintf("%s, %s, oldest %s", plural(h.Events, "event"), size(h.Bytes), age(h.OldestAgeSeconds))
}

// reasonsText is what was counted, most first.
func reasonsText(counts map[string]uint64) string {
	reasons := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			if counts[a] > counts[b] {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, r := range reasons {
		if counts[r] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", r, counts[r]))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
