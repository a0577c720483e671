package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// published is docs/performance.json: what README and docs/performance.md show of one measurement.
type published struct {
	At      time.Time                     `json:"at"`
	Machine machine                       `json:"machine"`
	Repeat  int                           `json:"repeat"`  // runs that each median is of, at least
	Medians map[string]map[string]medians `json:"medians"` // by figure and server
}

// medians are those of one figure with one server; 0 is what was not measured.
type medians struct {
	BytesPerStream float64 `json:"bytes_per_stream,omitempty"`
	HandshakeCPU   float64 `json:"cpu_seconds_per_thousand_handshakes,omitempty"`
	PerSecond      float64 `json:"deliveries_per_second,omitempty"`
	DeliveryCPU    float64 `json:"cpu_seconds_per_million_deliveries,omitempty"`
	P50            float64 `json:"p50_ms,omitempty"`
	P99            float64 `json:"p99_ms,omitempty"`
	StormP99       float64 `json:"storm_p99_ms,omitempty"`

	// Of publishers.
	Messages   float64 `json:"messages_per_second,omitempty"`
	MessageCPU float64 `json:"cpu_seconds_per_thousand_messages,omitempty"`
	AnswerP50  float64 `json:"answer_p50_ms,omitempty"`
	AnswerP99  float64 `json:"answer_p99_ms,omitempty"`
	ReceiptP50 float64 `json:"receipt_p50_ms,omitempty"`
	ReceiptP99 float64 `json:"receipt_p99_ms,omitempty"`
}

// publish takes the medians of all that was measured.
func publish(rec record) published {
	p := published{At: rec.At, Machine: rec.Machine, Repeat: leastRuns(rec.Runs), Medians: map[string]map[string]medians{}}
	t := &table{runs: rec.Runs}
	for figure, samples := range rec.Runs {
		p.Medians[figure] = map[string]medians{}
		for _, s := range samples {
			value := func(what of) float64 {
				v, _ := t.median(figure, s.Server, what)
				return math.Round(v*1000) / 1000
			}
			m := medians{HandshakeCPU: value(handshake)}
			if all(samples, s.Server, func(s sample) bool { return s.Result.Memory != nil }) {
				m.BytesPerStream = value(perStream)
			}
			if all(samples, s.Server, func(s sample) bool { return s.Result.Delivery != nil }) {
				m.PerSecond, m.DeliveryCPU, m.P50, m.P99 = value(rate), value(perMillion), value(p50), value(p99)
			}
			if all(samples, s.Server, func(s sample) bool { return s.Result.Storm != nil }) {
				m.StormP99 = value(stormP99)
			}
			if all(samples, s.Server, func(s sample) bool { return s.Posts != nil }) {
				t.addPosts(&m, figure, s.Server)
			}
			p.Medians[figure][s.Server] = m
		}
	}
	return p
}

// leastRuns returns how many runs without an error there are at least of a figure with a server; a server that never
// had one does not count. A measurement that was made in pieces may have more of some.
func leastRuns(runs map[string][]sample) int {
	least := 0
	for _, samples := range runs {
		of := map[string]int{}
		for _, s := range samples {
			if s.Error == "" {
				of[s.Server]++
			}
		}
		for _, n := range of {
			if least == 0 || n < least {
				least = n
			}
		}
	}
	return least
}

// addPosts adds the medians of publishers.
func (t *table) addPosts(m *medians, figure, server string) {
	value := func(what of) float64 {
		v, _ := t.median(figure, server, what)
		return math.Round(v*1e5) / 1e5
	}
	m.Messages, m.MessageCPU = value(postRate), value(postCPU)
	m.AnswerP50 = value(func(s sample) float64 { return s.Posts.AnswerP50 })
	m.AnswerP99 = value(func(s sample) float64 { return s.Posts.AnswerP99 })
	m.ReceiptP50 = value(func(s sample) float64 { return s.Posts.ReceiptP50 })
	m.ReceiptP99 = value(func(s sample) float64 { return s.Posts.ReceiptP99 })
}

// all reports whether the runs of a server, but for those that failed, have what is asked for.
func all(samples []sample, server string, has func(sample) bool) bool {
	return !slices.ContainsFunc(samples, func(s sample) bool { return s.Server == server && s.Error == "" && !has(s) })
}

func (p published) write(file string) error {
	text, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// serverNames are the rows of the tables, in their order.
var serverNames = []struct{ server, shown string }{
	{"hassesd", "hassesd"},
	{"hassesd, HTTP/1.1", "hassesd over HTTP/1.1"},
	{"hassesd" + tenEach, "hassesd, 10 streams a connection"},
	{"hassesd, 1 loop", "hassesd, one loop"},
	{"net/http", "net/http"},
	{"net/http" + tenEach, "net/http, 10 streams a connection"},
	{"nginx+nchan 1", "nginx+nchan, 1 worker"},
	{"nginx+nchan 1" + tenEach, "nginx+nchan, 1 worker, 10 streams a connection"},
	{"nginx+nchan 2", "nginx+nchan, 2 workers"},
	{"bare write", "bare write"},
	{"bare write, 2 threads", "bare write, two threads"},
}

// column is one column of a table: a number of one figure.
type column struct {
	head, figure string
	value        func(medians) float64
	decimals     int
	unit         string
}

func (c column) cell(p published, server, curve string) (text string, isThere bool) {
	v := c.value(p.Medians[c.figure+curve][server])
	if v == 0 {
		return "–", false
	}
	return grouped(v, c.decimals) + c.unit, true
}

// rows makes a table of the servers that have a number in a column, first with X25519, then with the hybrid.
func (p published) rows(title string, columns ...column) string {
	var b strings.Builder
	b.WriteString("| " + title + " |")
	for _, c := range columns {
		b.WriteString(" " + c.head + " |")
	}
	b.WriteString("\n|" + strings.Repeat("---|", len(columns)+1) + "\n")
	for _, curve := range []string{"", hybrid} {
		for _, s := range serverNames {
			line, measured := "| "+s.shown+curve+" |", false
			for _, c := range columns {
				text, isThere := c.cell(p, s.server, curve)
				line, measured = line+" "+text+" |", measured || isThere
			}
			if measured {
				b.WriteString(line + "\n")
			}
		}
	}
	return b.String()
}

// texts are what stands between the marks of the pages, by their names.
func (p published) texts() map[string]string {
	bytes := func(m medians) float64 { return m.BytesPerStream }
	cpu := func(m medians) float64 { return m.DeliveryCPU }
	perSecond := func(m medians) float64 { return m.PerSecond }
	p50 := func(m medians) float64 { return m.P50 }
	p99 := func(m medians) float64 { return m.P99 }
	latency := func(title, figure string, decimals, cpuDecimals int) string {
		return p.rows(title, column{"p50", figure, p50, decimals, " ms"}, column{"p99", figure, p99, decimals, " ms"},
			column{"processor time a million", figure, cpu, cpuDecimals, " s"})
	}
	storm, list := p.Medians[stormy][own], p.Medians[listed][own]
	unhurried := p.Medians[unlisted][own].P99
	return map[string]string{
		"idle": p.rows("idle streams",
			column{"bytes a stream (PSS), 1,000", idle1, bytes, 0, ""}, column{"10,000", idle10, bytes, 0, ""}, column{"19,000", idle19, bytes, 0, ""},
			column{"processor time of 1,000 handshakes", idle10, func(m medians) float64 { return m.HandshakeCPU }, 3, " s"}),
		"saturated": p.rows("saturated, 64 in flight",
			column{"10,000 streams: deliveries/s", saturate10, perSecond, 0, ""}, column{"processor time a million", saturate10, cpu, 2, " s"},
			column{"1,000 streams: deliveries/s", saturate1, perSecond, 0, ""}, column{"processor time a million", saturate1, cpu, 2, " s"}),
		"single": latency("10 messages a second to 10,000", single, 0, 2) + "\n" +
			latency("10 messages a second to 1,000", singleFew, 1, 2),
		"rooms": latency("10,000 streams in 1,000 rooms, 1,000 messages a second", manyRooms, 1, 1),
		"beside": "| delivery to those who are there | p99 without | p99 with | times |\n|---|---|---|---|\n" +
			fmt.Sprintf("| a storm of 5,000 reconnects beside 10,000 | %.0f ms | %.0f ms | %.2f |\n", storm.P99, storm.StormP99, storm.StormP99/storm.P99) +
			fmt.Sprintf("| `hassesctl clients` over 19,000, again and again | %.0f ms | %.0f ms | %.2f |\n", unhurried, list.P99, list.P99/unhurried),
		"http2":   p.overHTTP2(bytes, perSecond, cpu),
		"posts":   p.publishers(),
		"summary": p.summary(),
	}
}

// overHTTP2 are the tables of HTTP/2.
func (p published) overHTTP2(bytes, perSecond, cpu func(medians) float64) string {
	text := p.rows("idle over HTTP/2", column{"bytes a connection with one stream (PSS), 10,000", idleOver2, bytes, 0, ""},
		column{"bytes a stream, 10 on each of 5,000 connections", idleMany, bytes, 0, ""}) + "\n"
	one, all := p.Medians[idleOver2][own].BytesPerStream, p.Medians[idleMany][own].BytesPerStream
	if one > 0 && all > 0 {
		text += fmt.Sprintf("So each further stream of a connection takes %s bytes.\n\n", grouped(furtherStream(all, one), 0))
	}
	text += p.rows("10 messages a second to 10,000, over HTTP/2", column{"processor time a million", singleOver2, cpu, 2, " s"},
		column{"p50", singleOver2, func(m medians) float64 { return m.P50 }, 0, " ms"}) + "\n"
	return text + p.rows("saturated, 1,000 connections with 10 streams", column{"deliveries/s", saturateOver2, perSecond, 0, ""},
		column{"processor time a million", saturateOver2, cpu, 2, " s"})
}

// publishers are the tables of publishing over HTTP.
func (p published) publishers() string {
	text := ""
	for _, f := range []struct{ figure, title string }{
		{postNobody, "to nobody"}, {postOne, "to one stream"}, {postMany, "to 100 streams"},
	} {
		if len(p.Medians[f.figure]) == 0 {
			continue
		}
		if text != "" {
			text += "\n"
		}
		text += p.rows(f.title,
			column{"messages/s", f.figure, func(m medians) float64 { return m.Messages }, 0, ""},
			column{"processor time a message", f.figure, func(m medians) float64 { return 1000 * m.MessageCPU }, 1, " µs"},
			column{"answered, p50", f.figure, func(m medians) float64 { return m.AnswerP50 }, 2, " ms"},
			column{"p99", f.figure, func(m medians) float64 { return m.AnswerP99 }, 1, " ms"},
			column{"received, p50", f.figure, func(m medians) float64 { return m.ReceiptP50 }, 2, " ms"},
			column{"p99", f.figure, func(m medians) float64 { return m.ReceiptP99 }, 1, " ms"})
	}
	return text
}

// summary is README's sentence. The peer with the best figure is what hassesd is compared with, as in the goals.
func (p published) summary() string {
	idle, busy := p.Medians[idle10], p.Medians[saturate10]
	nginxBytes := min(idle["nginx+nchan 1"].BytesPerStream, idle["nginx+nchan 2"].BytesPerStream)
	nginxRate := max(busy["nginx+nchan 1"].PerSecond, busy["nginx+nchan 2"].PerSecond)
	kilobytes := func(v float64) string { return fmt.Sprintf("%.1f KB", v/1000) }
	return fmt.Sprintf("an idle TLS stream takes %s (net/http %s, nginx+nchan %s); a busy room of 10,000 gets %.1f million deliveries a\n"+
		"second, %.1f times those of net/http and %.1f times those of nginx+nchan.\n",
		kilobytes(idle[own].BytesPerStream), kilobytes(idle["net/http"].BytesPerStream), kilobytes(nginxBytes),
		busy[own].PerSecond/1e6, busy[own].PerSecond/busy["net/http"].PerSecond, busy[own].PerSecond/nginxRate)
}

// grouped writes a number with commas between thousands.
func grouped(v float64, decimals int) string {
	whole, fraction, hasFraction := strings.Cut(strconv.FormatFloat(v, 'f', decimals, 64), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasFraction {
		return whole + "." + fraction
	}
	return whole
}
