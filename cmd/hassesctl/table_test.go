package main

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin"
)

func TestTable(t *testing.T) {
	var b bytes.Buffer
	tb := &table{columns: []column{{heading: "NAME"}, {heading: "COUNT", right: true}, {heading: "LAST"}}}
	tb.add(cell{text: "anna"}, cell{text: "7"}, cell{text: "x"})
	tb.add(cell{text: "日本\u0301"}, cell{text: "123456"}, cell{text: "forged\nrow"})
	tb.print(newScreen(&b, newEnvironment(nil)))
	want := "NAME   COUNT  LAST\n" +
		"anna       7  x\n" +
		"日本\u0301  123456  forged\\x0Arow\n"
	if b.String() != want {
		t.Errorf("got:\n%swant:\n%s", b.String(), want)
	}
}

func TestTableLinesEndAtTheEdge(t *testing.T) {
	tb := &table{columns: []column{{heading: "NAME"}, {heading: "N", right: true}, {heading: "AGENT"}}}
	tb.add(cell{text: "ann", style: bold}, cell{text: "7"}, cell{text: "Mozilla/5.0 日本語"})
	s := &screen{colour: true}
	widths := []int{4, 1, 18}
	for edge := 1; edge <= 40; edge++ {
		var b strings.Builder
		tb.line(&b, s, tb.rows[0], widths, edge)
		line := strings.NewReplacer(string(bold), "", "\x1b[0m", "", "\n", "").Replace(b.String())
		if got := textWidth(line); got > edge {
			t.Errorf("edge %d: %d columns: %q", edge, got, line)
		}
		if full := "ann   7  Mozilla/5.0 日本語"; edge >= textWidth(full) && line != full {
			t.Errorf("edge %d: got %q, want it whole", edge, line)
		}
	}
}

func TestCut(t *testing.T) {
	for _, test := range []struct {
		text  string
		width int
		want  string
	}{
		{"hello", 5, "hello"},
		{"hello", 4, "hel…"},
		{"hello", 1, "…"},
		{"hello", 0, ""},
		{"hello", -1, ""},
		{"日本語", 5, "日本…"},
		{"日本語", 4, "日…"},
		{"", 0, ""},
	} {
		if got := cut(test.text, test.width); got != test.want {
			t.Errorf("cut(%q, %d) = %q, want %q", test.text, test.width, got, test.want)
		}
	}
}

// linesAt is what a table looks like on a terminal of that width.
func linesAt(t *table, edge int) []string {
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = textWidth(c.heading)
		for _, row := range t.rows {
			widths[i] = max(widths[i], textWidth(row[i].text))
		}
	}
	t.fit(widths, edge)
	var b strings.Builder
	for _, row := range t.rows {
		t.line(&b, &screen{}, row, widths, edge)
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

func TestNarrowTablesKeepTheirNumbers(t *testing.T) {
	tb := &table{columns: []column{{heading: "NAME", yields: 1, least: 4}, {heading: "N", right: true}, {heading: "WHERE", yields: 1, least: 6}, {heading: "AGENT", yields: 2}}}
	tb.add(cell{text: "a-name-of-20-columns"}, cell{text: "123456"}, cell{text: "192.0.2.100:50190"}, cell{text: "Mozilla/5.0"})
	for edge, want := range map[int]string{
		80: "a-name-of-20-columns  123456  192.0.2.100:50190  Mozilla/5.0",
		60: "a-name-of-20-columns  123456  192.0.2.100:50190  Mozilla/5.0",
		55: "a-name-of-20-columns  123456  192.0.2.100:50190  Mozil…",
		40: "a-name-of-20…  123456  192.0.2.100:50…",
		24: "a-na…  123456  192.0.…",
		20: "a-n…  123456  192.0…",
		12: "a-n…  123456",
	} {
		if got := linesAt(tb, edge)[0]; got != want || textWidth(got) > edge {
			t.Errorf("at %d columns\n got %q\nwant %q", edge, got, want)
		}
	}
}

// Who looks for the slow one of many clients does so on a terminal as wide as any.
func TestClientsAt80Columns(t *testing.T) {
	clients := []admin.Client{
		{ID: "anna", Addr: "192.0.2.1:50190", State: "streaming", TLS: "TLS 1.3", AgeSeconds: 273906, Rooms: []string{"room624", "room7"}, Sent: 130, QueueBytes: 200000, Agent: "Mozilla/5.0 (X11; Linux x86_64)"},
		{ID: strings.Repeat("x", 64), Addr: "[2001:db8:1111:2222:3333:4444:5555:6666]:50190", State: "handshaking", TLS: "TLS 1.2", AgeSeconds: 1e6, Rooms: []string{strings.Repeat("r", 60)}, Sent: 1234567, QueueBytes: 1023 << 10, Agent: "curl"},
	}
	for _, line := range linesAt(clientsTable(clients), 80) {
		if textWidth(line) > 80 {
			t.Errorf("%d columns: %q", textWidth(line), line)
		}
	}
	lines := linesAt(clientsTable(clients), 80)
	for i, want := range []string{"195.3 KiB", "1023.0 KiB"} {
		if version := strings.TrimPrefix(clients[i].TLS, "TLS "); !strings.Contains(lines[i], "  "+version+" ") {
			t.Errorf("TLS %s is not in %q", version, lines[i])
		}
		if !strings.Contains(lines[i], want) || !strings.Contains(lines[i], strconv.FormatUint(clients[i].Sent, 10)) {
			t.Errorf("sent and queue are not in %q", lines[i])
		}
	}
}

func TestCertificatesAt80Columns(t *testing.T) {
	when := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	tb := certificatesTable([]admin.Certificate{{
		Names: []string{"push.example.org", "www.example.org", "example.org"}, Source: "selfsigned", Key: "ECDSA P-256",
		Issuer: "CN=An Authority With A Name That Goes On,O=Example", NotAfter: when, DaysLeft: 1234, LoadedAt: when,
	}})
	line := linesAt(tb, 80)[0]
	if textWidth(line) > 80 || strings.Count(line, "2026-03-01") != 2 || !strings.Contains(line, "1234") {
		t.Errorf("%d columns: %q", textWidth(line), line)
	}
}
