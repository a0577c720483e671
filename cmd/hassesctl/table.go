package main

import (
	"strings"
	"unicode"

	"github.com/hassesd/hassesd/internal/safetext"
)

// table is rows under headings, aligned for people. Its cells are made visible.
type table struct {
	columns []column
	rows    [][]cell
}

type column struct {
	heading string
	right   bool // numbers

	// On a terminal that is too narrow for all, the columns that yield become narrower, those that yield more first, down to
	// least; the others stay as they are, since a number that is cut is another number.
	yields int
	least  int
	atEnd  bool // what tells is at the end of its texts, which are ASCII, as in "TLS 1.3": they lose their beginning

	whole bool // of the last column: it is not cut at the edge, but goes on in the terminal's next line
}

type cell struct {
	text  string
	style style
	shown bool // text is visible already
}

func (t *table) add(cells ...cell) {
	row := make([]cell, len(cells))
	for i, c := range cells {
		row[i] = c
		if !c.shown {
			row[i].text = safetext.Visible(c.text)
		}
	}
	t.rows = append(t.rows, row)
}

// print writes the table; on a terminal it is made to fit, and what does not fit even so is cut at the edge.
func (t *table) print(s *screen) {
	widths := make([]int, len(t.columns))
	headings := make([]cell, len(t.columns))
	for i, c := range t.columns {
		headings[i] = cell{text: c.heading, style: bold, shown: true}
		widths[i] = textWidth(c.heading)
		for _, row := range t.rows {
			widths[i] = max(widths[i], textWidth(row[i].text))
		}
	}
	var b strings.Builder
	edge := s.width()
	if edge > 0 {
		t.fit(widths, edge)
	}
	t.line(&b, s, headings, widths, edge)
	for _, row := range t.rows {
		t.line(&b, s, row, widths, edge)
	}
	s.raw([]byte(b.String()))
}

// fit makes columns that yield narrower until all of them fit into the edge, or can yield no more.
func (t *table) fit(widths []int, edge int) {
	excess := len("  ")*(len(widths)-1) - edge
	for _, w := range widths {
		excess += w
	}
	for ; excess > 0; excess-- {
		best := -1
		for i, c := range t.columns {
			switch {
			case c.yields == 0 || widths[i] <= c.least:
			case best < 0 || c.yields > t.columns[best].yields,
				c.yields == t.columns[best].yields && widths[i]-c.least > widths[best]-t.columns[best].least:
				best = i
			}
		}
		if best < 0 {
			return
		}
		widths[best]--
	}
}

// line writes one row; edge is the width of the terminal, or 0.
func (t *table) line(b *strings.Builder, s *screen, row []cell, widths []int, edge int) {
	used, gap := 0, ""
	for i, c := range row {
		text := cut(c.text, widths[i])
		if t.columns[i].atEnd && text != c.text {
			text = c.text[len(c.text)-widths[i]:]
		}
		padding := strings.Repeat(" ", widths[i]-textWidth(text))
		if t.columns[i].right {
			text, padding = padding+text, ""
		}
		if t.columns[i].whole {
			text = c.text
		} else if edge > 0 {
			if used+len(gap) >= edge {
				break
			}
			text = cut(text, edge-used-len(gap))
		}
		b.WriteString(gap)
		b.WriteString(string(s.paint(c.style, text)))
		used += len(gap) + textWidth(text)
		gap = padding + "  "
	}
	b.WriteByte('\n')
}

// cut shortens visible text to a width, with an ellipsis where something is missing.
func cut(text string, width int) string {
	if textWidth(text) <= width {
		return text
	}
	used := 0
	for i, r := range text {
		w := runeWidth(r)
		if used+w > width-1 {
			if width < 1 {
				return ""
			}
			return text[:i] + "…"
		}
		used += w
	}
	return text
}

// textWidth is how many columns of a terminal visible text takes.
func textWidth(text string) int {
	width := 0
	for _, r := range text {
		width += runeWidth(r)
	}
	return width
}

// wide are the blocks of characters that take two columns (East Asian Width W and F, coarsely, and emoji).
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x1100, 0x115F, 1},
		{0x2E80, 0x303E, 1},
		{0x3041, 0xA4CF, 1},
		{0xA960, 0xA97C, 1},
		{0xAC00, 0xD7A3, 1},
		{0xF900, 0xFAFF, 1},
		{0xFE30, 0xFE6F, 1},
		{0xFF00, 0xFF60, 1},
		{0xFFE0, 0xFFE6, 1},
	},
	R32: []unicode.Range32{
		{0x1F300, 0x1F64F, 1},
		{0x1F680, 0x1F6FF, 1},
		{0x1F900, 0x1F9FF, 1},
		{0x20000, 0x3FFFD, 1},
	},
}

func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}
