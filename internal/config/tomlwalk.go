package config

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

type tomlWalk struct {
	*loader
	path      string
	parser    unstable.Parser
	table     []string // the current table
	skipTable bool     // that table is unknown: one error is enough
}

func (w *tomlWalk) addNodeError(n *unstable.Node, key, what, hint string) {
	w.addError(w.at(n), key, what, hint)
}

// at returns the position of the key of an expression.
func (w *tomlWalk) at(n *unstable.Node) string {
	it := n.Key()
	it.Next()
	start := w.parser.Shape(it.Node().Raw).Start
	return fmt.Sprintf("%s:%d:%d", w.path, start.Line, start.Column)
}

func keyParts(it unstable.Iterator) []string {
	var parts []string
	for it.Next() {
		parts = append(parts, string(it.Node().Data))
	}
	return parts
}

// keyName joins the parts of a key. It quotes a part with a dot or other special characters, so
// that the quoted key "history.bytes" differs from history.bytes.
func keyName(parts []string) string {
	names := make([]string, 0, len(parts))
	for _, p := range parts {
		if p == "" || strings.ContainsFunc(p, func(r rune) bool {
			return r != '_' && r != '-' && (r < '0' || r > 'z' || r > '9' && r < 'A' || r > 'Z' && r < 'a')
		}) {
			p = strconv.Quote(p)
		}
		names = append(names, p)
	}
	return strings.Join(names, ".")
}

func tomlKind(k unstable.Kind) string {
	switch k {
	case unstable.String:
		return "a string"
	case unstable.Bool:
		return "a boolean"
	case unstable.Integer:
		return "an integer"
	case unstable.Float:
		return "a number with a fraction"
	case unstable.Array:
		return "an array"
	case unstable.InlineTable:
		return "a table"
	case unstable.LocalDate, unstable.LocalTime, unstable.LocalDateTime, unstable.DateTime:
		return "a date or time"
	case unstable.Invalid, unstable.Comment, unstable.Key, unstable.Table, unstable.ArrayTable, unstable.KeyValue:
		return "not a value"
	}
	return "something unknown"
}

func kindText(k Kind) string {
	switch k {
	case Bool:
		return "true or false"
	case String:
		return "a string"
	case List:
		return `an array of strings, as in ["a", "b"]`
	case Int:
		return "an integer"
	case Size:
		return `an integer or a size, as in "64KiB"`
	case Duration:
		return `a duration in quotes, as in "15s"`
	}
	return "something else"
}
