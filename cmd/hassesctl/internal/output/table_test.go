package output

import (
	"bytes"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	var b bytes.Buffer
	tb := &Table{Columns: []Column{{Heading: "NAME"}, {Heading: "COUNT", Right: true}, {Heading: "LAST"}}}
	tb.Add(Cell{Text: "anna"}, Cell{Text: "7"}, Cell{Text: "x"})
	tb.Add(Cell{Text: "日本\u0301"}, Cell{Text: "123456"}, Cell{Text: "forged\nrow"})
	tb.Print(NewScreen(&b, noEnv))
	want := "NAME   COUNT  LAST\n" +
		"anna       7  x\n" +
		"日本\u0301  123456  forged\\x0Arow\n"
	if b.String() != want {
		t.Errorf("got:\n%swant:\n%s", b.String(), want)
	}
}

func TestTableLinesEndAtTheEdge(t *testing.T) {
	tb := &Table{Columns: []Column{{Heading: "NAME"}, {Heading: "N", Right: true}, {Heading: "AGENT"}}}
	tb.Add(Cell{Text: "ann", Style: Bold}, Cell{Text: "7"}, Cell{Text: "Mozilla/5.0 日本語"})
	s := &Screen{colour: true}
	widths := []int{4, 1, 18}
	for edge := 1; edge <= 40; edge++ {
		var b strings.Builder
		tb.line(&b, s, tb.rows[0], widths, edge)
		line := strings.NewReplacer(string(Bold), "", "\x1b[0m", "", "\n", "").Replace(b.String())
		if got := Width(line); got > edge {
			t.Errorf("edge %d: %d columns: %q", edge, got, line)
		}
		if full := "ann   7  Mozilla/5.0 日本語"; edge >= Width(full) && line != full {
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
		if got := Cut(test.text, test.width); got != test.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", test.text, test.width, got, test.want)
		}
	}
}

// linesAt is what a table looks like on a terminal of that width.
func linesAt(t *Table, edge int) []string {
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = Width(c.Heading)
		for _, row := range t.rows {
			widths[i] = max(widths[i], Width(row[i].Text))
		}
	}
	t.fit(widths, edge)
	var b strings.Builder
	for _, row := range t.rows {
		t.line(&b, &Screen{}, row, widths, edge)
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

func TestNarrowTablesKeepTheirNumbers(t *testing.T) {
	tb := &Table{Columns: []Column{{Heading: "NAME", Yields: 1, Least: 4}, {Heading: "N", Right: true}, {Heading: "WHERE", Yields: 1, Least: 6}, {Heading: "AGENT", Yields: 2}}}
	tb.Add(Cell{Text: "a-name-of-20-columns"}, Cell{Text: "123456"}, Cell{Text: "192.0.2.100:50190"}, Cell{Text: "Mozilla/5.0"})
	for edge, want := range map[int]string{
		80: "a-name-of-20-columns  123456  192.0.2.100:50190  Mozilla/5.0",
		60: "a-name-of-20-columns  123456  192.0.2.100:50190  Mozilla/5.0",
		55: "a-name-of-20-columns  123456  192.0.2.100:50190  Mozil…",
		40: "a-name-of-20…  123456  192.0.2.100:50…",
		24: "a-na…  123456  192.0.…",
		20: "a-n…  123456  192.0…",
		12: "a-n…  123456",
	} {
		if got := linesAt(tb, edge)[0]; got != want || Width(got) > edge {
			t.Errorf("at %d columns\n got %q\nwant %q", edge, got, want)
		}
	}
}
