package output

import (
	"strings"

	"github.com/hassesd/hassesd/internal/safetext"
)

// Table is rows under headings, aligned for people. Its cells are made visible.
type Table struct {
	Columns []Column
	rows    [][]Cell
}

// Column is how one column of a [Table] looks.
type Column struct {
	Heading string
	Right   bool // numbers

	// On a terminal that is too narrow for all columns, those with Yields over 0 become narrower,
	// down to Least; the one that yields most goes first. The others keep their width, since a
	// number that is cut is another number.
	Yields int
	Least  int
	AtEnd  bool // the end of its texts matters, as in "TLS 1.3": they are ASCII, and lose their beginning

	Whole bool // of the last column: it is not cut at the edge, but goes on in the terminal's next line
}

// Cell is one text of a [Table].
type Cell struct {
	Text  string
	Style Style
	Shown bool // Text is visible already
}

// Add adds a row, with a cell for each column.
func (t *Table) Add(cells ...Cell) {
	row := make([]Cell, len(cells))
	for i, c := range cells {
		row[i] = c
		if !c.Shown {
			row[i].Text = safetext.Visible(c.Text)
		}
	}
	t.rows = append(t.rows, row)
}

// Print writes the table. On a terminal it is made to fit; what does not fit even so is cut at the
// edge.
func (t *Table) Print(s *Screen) {
	widths := make([]int, len(t.Columns))
	headings := make([]Cell, len(t.Columns))
	for i, c := range t.Columns {
		headings[i] = Cell{Text: c.Heading, Style: Bold, Shown: true}
		widths[i] = Width(c.Heading)
		for _, row := range t.rows {
			widths[i] = max(widths[i], Width(row[i].Text))
		}
	}
	var b strings.Builder
	edge := s.columns()
	if edge > 0 {
		t.fit(widths, edge)
	}
	t.line(&b, s, headings, widths, edge)
	for _, row := range t.rows {
		t.line(&b, s, row, widths, edge)
	}
	s.Raw([]byte(b.String()))
}

// fit makes columns that yield narrower until all of them fit into the edge, or can yield no more.
func (t *Table) fit(widths []int, edge int) {
	excess := len("  ")*(len(widths)-1) - edge
	for _, w := range widths {
		excess += w
	}
	for ; excess > 0; excess-- {
		best := -1
		for i, c := range t.Columns {
			switch {
			case c.Yields == 0 || widths[i] <= c.Least:
			case best < 0 || c.Yields > t.Columns[best].Yields,
				c.Yields == t.Columns[best].Yields && widths[i]-c.Least > widths[best]-t.Columns[best].Least:
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
func (t *Table) line(b *strings.Builder, s *Screen, row []Cell, widths []int, edge int) {
	used, gap := 0, ""
	for i, c := range row {
		text := Cut(c.Text, widths[i])
		if t.Columns[i].AtEnd && text != c.Text {
			text = c.Text[len(c.Text)-widths[i]:]
		}
		padding := strings.Repeat(" ", widths[i]-Width(text))
		if t.Columns[i].Right {
			text, padding = padding+text, ""
		}
		if t.Columns[i].Whole {
			text = c.Text
		} else if edge > 0 {
			if used+len(gap) >= edge {
				break
			}
			text = Cut(text, edge-used-len(gap))
		}
		b.WriteString(gap)
		b.WriteString(string(s.Paint(c.Style, text)))
		used += len(gap) + Width(text)
		gap = padding + "  "
	}
	b.WriteByte('\n')
}
