package main

import (
	"strings"
	"unicode"
)

// table is rows under headings, aligned for people. Its cells are made visible.
type table struct {
	columns []column
	rows    [][]cell
}

type column struct {
	heading string
	right   bool // numbers
}

type cell struct {
	text  string
	style style
}

func (t *table) add(cells ...cell) {
	row := make([]cell, len(cells))
	for i, c := range cells {
		row[i] = cell{visible(c.text), c.style}
	}
	t.rows = append(t.rows, row)
}

// print writes the table; on a terminal each line is cut at its edge.
func (t *table) print(s *screen) {
	widths := make([]int, len(t.columns))
	headings := make([]cell, len(t.columns))
	for i, c := range t.columns {
		headings[i] = cell{c.heading, bold}
		widths[i] = textWidth(c.heading)
		for _, row := range t.rows {
			widths[i] = max(widths[i], textWidth(row[i].text))
		}
	}
	var b strings.Builder
	edge := s.width()
	t.line(&b, s, headings, widths, edge)
	for _, row := range t.rows {
		t.line(&b, s, row, widths, edge)
	}
	s.raw([]byte(b.String()))
}

// line writes one row; edge is the width of the terminal, or 0.
func (t *table) line(b *strings.Builder, s *screen, row []cell, widths []int, edge int) {
	used, gap := 0, ""
	for i, c := range row {
		text, padding := c.text, strings.Repeat(" ", widths[i]-textWidth(c.text))
		if t.columns[i].right {
			text, padding = padding+text, ""
		}
		if edge > 0 {
			if used+len(gap) >= edge {
				break
			}
			text = cut(text, edge-used-len(gap))
		}
		b.WriteString(gap)
		b.WriteString(s.paint(c.style, text))
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
