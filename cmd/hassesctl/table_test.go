package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	var b bytes.Buffer
	tb := &table{columns: []column{{heading: "NAME"}, {heading: "COUNT", right: true}, {heading: "LAST"}}}
	tb.add(cell{text: "anna"}, cell{text: "7"}, cell{text: "x"})
	tb.add(cell{text: "日本\u0301"}, cell{text: "123456"}, cell{text: "forged\nrow"})
	tb.print(newScreen(&b, newEnvironment(nil)))
	want := "NAME   COUNT  LAST\n" +
		"anna       7  x\n" +
		"日本\u0301  123456  forged\\nrow\n"
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
