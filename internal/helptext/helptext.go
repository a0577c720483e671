// Package helptext lays out the pages that --help prints.
package helptext

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Width is the width of a page, in columns: that of the narrowest terminal in use.
const Width = 80

// Entry writes a name and, beginning at a column, its explanation. A name that is too long has a
// line of its own.
func Entry(b *strings.Builder, name, text string, column int) {
	lines := Wrap(text, column)
	if utf8.RuneCountInString(name)+4 > column {
		fmt.Fprintf(b, "  %s\n%s", name, lines)
		return
	}
	fmt.Fprintf(b, "  %-*s%s", column-2, name, lines[column:])
}

// Wrap breaks text into lines of [Width] that are indented, and ends the last one as well. A word
// that is longer than a line is not broken.
func Wrap(text string, indent int) string {
	margin := strings.Repeat(" ", indent)
	var b strings.Builder
	line := margin
	for word := range strings.FieldsSeq(text) {
		if len(line) > indent {
			if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > Width {
				b.WriteString(line + "\n")
				line = margin
			} else {
				line += " "
			}
		}
		line += word
	}
	return b.String() + line + "\n"
}
