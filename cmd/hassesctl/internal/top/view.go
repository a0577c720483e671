package top

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/safetext"
)

// view draws the whole screen. No line is longer than columns, and there are at most so many lines.
// Whatever clients or the daemon have named is visible text: it cannot move the cursor.
func (m *model) view(paint *output.Screen, columns, lines int) []byte {
	p := &page{paint: paint, columns: columns, lines: max(1, lines-1)} // the last line is the footer's
	if m.isHelp {
		p.help()
	} else {
		m.head(p)
		m.body(p)
	}
	return p.bytes(m.footer(paint, columns))
}

// page is a screen that is being drawn, line by line.
type page struct {
	paint          *output.Screen
	columns, lines int
	text           []string
}

// left returns how many lines are free.
func (p *page) left() int { return p.lines - len(p.text) }

// line adds a line that is visible text in one style. It is cut at the edge.
func (p *page) line(style output.Style, text string) {
	if p.left() > 0 {
		p.text = append(p.text, string(p.paint.Paint(style, output.Cut(text, p.columns))))
	}
}

// field adds a name and its value, which is visible text.
func (p *page) field(name, value string) {
	const width = 12
	if p.left() <= 0 {
		return
	}
	label := output.Cut(fmt.Sprintf("%-*s", width, name), p.columns)
	p.text = append(p.text, string(p.paint.Paint(output.Dim, label))+output.Cut(value, max(0, p.columns-width)))
}

// table adds a table with as many rows as there is room for.
func (p *page) table(t *output.Table) {
	var b bytes.Buffer
	t.Print(p.paint.On(&b, p.columns))
	for line := range strings.Lines(b.String()) {
		if p.left() > 0 {
			p.text = append(p.text, strings.TrimRight(strings.TrimSuffix(line, "\n"), " "))
		}
	}
}

// bytes returns what makes a terminal show the page, without the flicker of clearing it first. Each
// line is erased before it is written: after a full line the cursor stands on its last character.
func (p *page) bytes(footer string) []byte {
	var b bytes.Buffer
	b.WriteString("\x1b[H")
	for i := range p.lines {
		b.WriteString("\x1b[K")
		if i < len(p.text) {
			b.WriteString(p.text[i])
		}
		b.WriteString("\r\n")
	}
	b.WriteString("\x1b[J" + footer)
	return b.Bytes()
}

func (m *model) head(p *page) {
	s := m.status
	p.line(output.Bold, fmt.Sprintf("hassesd %s, %s, up %s", safetext.Visible(s.Version), safetext.Visible(s.Mode), output.Age(s.UptimeSeconds)))
	p.field("streams", fmt.Sprintf("%d of %s, peak %d, limit %d", s.Streams, output.Plural(s.Connections, "connection"), s.ConnectionsPeak, s.ConnectionsMax))
	if m.hasRates {
		p.field("each second", fmt.Sprintf("published %s, delivered %s, opened %s, closed %s, refused %s",
			figure(m.rates.published), figure(m.rates.delivered), figure(m.rates.opened), figure(m.rates.closed), figure(m.rates.refused)))
	} else {
		p.field("each second", "measuring")
	}
	p.field("delivered", m.traffic.bars(p.columns-12))
	p.field("loops", loopsText(s.Loops))
	p.field("history", fmt.Sprintf("%s, %s", output.Plural(s.History.Events, "event"), output.Size(s.History.Bytes)))
	if s.Memory != nil {
		text := output.Size(s.Memory.UsedBytes)
		if s.Memory.BudgetBytes > 0 {
			text += " of " + output.Size(s.Memory.BudgetBytes)
		}
		if s.Memory.BlockedStreams > 0 {
			text += ", " + output.Plural(s.Memory.BlockedStreams, "blocked stream")
		}
		p.field("memory", text)
	}
	if text := dropped(s.Dropped); text != "" {
		p.field("dropped", text)
	}
	switch {
	case m.problem != "":
		p.line(output.Red, safetext.Message(m.problem))
	case s.Draining:
		p.line(output.Yellow, "draining: streams are being ended, no new ones are accepted")
	}
}

// loopsText returns the streams of each loop.
func loopsText(loops []api.LoopStatus) string {
	parts := make([]string, len(loops))
	for i, l := range loops {
		parts[i] = strconv.Itoa(l.Streams)
		if l.Stuck {
			parts[i] += " (stuck)"
		}
	}
	return strings.Join(parts, "  ")
}

// dropped returns how many events slow streams did not get, by policy, or nothing.
func dropped(counts map[string]uint64) string {
	var parts []string
	for _, policy := range slices.Sorted(maps.Keys(counts)) {
		if counts[policy] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", safetext.Visible(policy), counts[policy]))
		}
	}
	return strings.Join(parts, ", ")
}

// body draws the lists into the lines that are left.
func (m *model) body(p *page) {
	const frame = 3 // an empty line, the title and the headings
	switch m.display {
	case showAll:
		rows := max(1, (p.left()-3*frame)/3)
		m.clients(p, "SLOWEST CLIENTS, by what waits in their queues", m.lists.queues, rows)
		m.clients(p, "BUSIEST CLIENTS, by the events they were sent", m.lists.sent, rows)
		m.rooms(p, p.left()-frame)
	case showQueues:
		m.clients(p, "SLOWEST CLIENTS, by what waits in their queues", m.lists.queues, p.left()-frame)
	case showSent:
		m.clients(p, "BUSIEST CLIENTS, by the events they were sent", m.lists.sent, p.left()-frame)
	case showOldest:
		m.clients(p, "OLDEST CLIENTS", m.lists.oldest, p.left()-frame)
	case showRooms:
		m.rooms(p, p.left()-frame)
	}
}

func (m *model) clients(p *page, title string, list []api.Client, rows int) {
	p.line(output.Plain, "")
	p.line(output.Green, fmt.Sprintf("%s (%s)", title, output.Plural(m.lists.clients, "client")))
	t := &output.Table{Columns: []output.Column{
		{Heading: "ID", Yields: 1, Least: 6},
		{Heading: "ADDRESS", Yields: 1, Least: 12},
		{Heading: "AGE", Right: true},
		{Heading: "ROOMS", Yields: 2, Least: 8},
		{Heading: "SENT", Right: true},
		{Heading: "/S", Right: true},
		{Heading: "QUEUE", Right: true},
		{Heading: "AGENT", Yields: 3},
	}}
	for _, c := range list[:max(0, min(rows, len(list)))] {
		queue := output.Cell{Text: output.Size(int64(c.QueueBytes))}
		if c.QueueBytes > 0 {
			queue.Style = output.Yellow
		}
		rate := "-"
		if perSec, isKnown := m.sentRate(c); isKnown {
			rate = figure(perSec)
		}
		t.Add(
			output.Cell{Text: cmp.Or(c.ID, "-"), Style: output.Bold},
			output.Cell{Text: c.Addr},
			output.Cell{Text: output.Age(c.AgeSeconds)},
			output.Cell{Text: cmp.Or(strings.Join(c.Rooms, ","), "-")},
			output.Cell{Text: strconv.FormatUint(c.Sent, 10)},
			output.Cell{Text: rate},
			queue,
			output.Cell{Text: cmp.Or(c.Agent, "-"), Style: output.Dim},
		)
	}
	p.table(t)
}

func (m *model) rooms(p *page, rows int) {
	p.line(output.Plain, "")
	p.line(output.Green, fmt.Sprintf("ROOMS, fullest first (%s)", output.Plural(m.lists.roomCount, "room")))
	t := &output.Table{Columns: []output.Column{{Heading: "STREAMS", Right: true}, {Heading: "ROOM"}}}
	for _, r := range m.lists.rooms[:max(0, min(rows, len(m.lists.rooms)))] {
		t.Add(output.Cell{Text: strconv.Itoa(r.Streams)}, output.Cell{Text: r.Room})
	}
	p.table(t)
}

// footer returns the last line: what is being typed, or the keys and what they have set.
func (m *model) footer(paint *output.Screen, columns int) string {
	if m.prompt != promptNone {
		label := "only this " + m.prompt.String() + " (Enter; empty: all): "
		typed := safetext.Visible(m.typed)
		for output.Width(label)+output.Width(typed)+1 > columns && typed != "" { // its end matters
			_, size := utf8.DecodeRuneInString(typed)
			typed = typed[size:]
		}
		return string(paint.Paint(output.Bold, output.Cut(label+typed+"_", columns)))
	}
	var parts []string
	if m.isHeld {
		parts = append(parts, "PAUSED")
	}
	for _, f := range []struct{ name, value string }{{"room", m.filter.room}, {"id", m.filter.id}, {"address", m.filter.addr}} {
		if f.value != "" {
			parts = append(parts, f.name+" "+safetext.Quote(f.value))
		}
	}
	parts = append(parts, "q quit", "? keys", "v all", "w slowest", "b busiest", "o oldest", "r rooms", "/ room", "i id", "a address", "space pause")
	return string(paint.Paint(output.Dim, output.Cut(strings.Join(parts, "  "), columns)))
}

func (p *page) help() {
	p.line(output.Bold, "Keys of hassesctl top")
	p.line(output.Plain, "")
	for _, k := range [][2]string{
		{"v", "a few of the slowest and busiest clients, and the fullest rooms"},
		{"w", "clients whose queues are fullest: they read too slowly"},
		{"b", "clients that were sent the most events"},
		{"o", "clients that have been connected longest"},
		{"r", "rooms with the most streams"},
		{"/", "only clients of one room, and rooms whose names begin so"},
		{"i", "only clients with one id"},
		{"a", "only clients of one address, or address:port"},
		{"Escape", "all clients and rooms again"},
		{"space", "pause, and go on"},
		{"Ctrl-L", "draw the screen again"},
		{"q", "quit"},
	} {
		p.line(output.Plain, fmt.Sprintf("  %-8s%s", k[0], k[1]))
	}
	p.line(output.Plain, "")
	p.line(output.Plain, "/S is how many events a client was sent each second lately. Any key closes this page.")
}

// figure returns a rate in at most five characters.
func figure(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v < 10_000:
		return strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	case v < 1_000_000:
		return strconv.FormatFloat(math.Round(v/1000), 'f', 0, 64) + "k"
	}
	return strconv.FormatFloat(v/1e6, 'f', 1, 64) + "M"
}
