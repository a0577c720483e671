package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// readTOML takes the settings of a TOML file. The document is decoded once to prove that it is TOML
// without doubles, then its expressions are walked, because only they know where each value stands.
func (l *loader) readTOML(path string, doc []byte) {
	var whole map[string]any
	if err := toml.Unmarshal(doc, &whole); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			line, column := at.Position()
			l.problemAt(path, line, column, strings.Join(at.Key(), "."), strings.TrimPrefix(at.Error(), "toml: "), "")
		} else {
			l.problem(path, "", err.Error(), "")
		}
		return
	}
	w := tomlWalk{loader: l, path: path}
	w.parser.Reset(doc)
	for w.parser.NextExpression() {
		w.expression(w.parser.Expression())
	}
	if err := w.parser.Error(); err != nil {
		l.problem(path, "", err.Error(), "")
	}
}

type tomlWalk struct {
	*loader
	path   string
	parser unstable.Parser
	table  []string // the one whose header came last
	skip   bool     // that table is unknown: one complaint is enough
}

func (w *tomlWalk) expression(n *unstable.Node) {
	if n.Kind == unstable.KeyValue {
		switch {
		case w.skip:
		case lookupTableList(keyName(w.table)) != nil:
			w.listValue(lookupTableList(keyName(w.table)), n)
		default:
			w.keyValue(w.table, n)
		}
		return
	}
	w.table = keyParts(n.Key()) // of a table or an array of tables: nothing else stands alone
	if list := lookupTableList(keyName(w.table)); list != nil {
		w.listTable(list, n)
		return
	}
	if n.Kind == unstable.ArrayTable {
		w.skip = true
		w.complain(n, keyName(w.table), "is not an array of tables", "write the name in single brackets")
		return
	}
	w.skip = !w.isKnownTable(w.table, n)
}

// keyValue sets one key, or the keys of an inline table.
func (w *tomlWalk) keyValue(table []string, n *unstable.Node) {
	parts := append(append([]string{}, table...), keyParts(n.Key())...)
	name, value := keyName(parts), n.Value()
	if lookupTableList(name) != nil {
		w.broken[name] = true
		w.complain(n, name, "is an array of tables", "write [["+name+"]] and its settings below")
		return
	}
	if e, ok := lookup(name); ok {
		w.value(e, n, value)
		return
	}
	if !w.isKnownTable(parts, n) {
		return
	}
	if value.Kind != unstable.InlineTable {
		w.complain(n, name, "is a table", "write its settings below ["+name+"]")
		return
	}
	for it := value.Children(); it.Next(); {
		w.keyValue(parts, it.Node())
	}
}

func (w *tomlWalk) isKnownTable(parts []string, n *unstable.Node) bool {
	name := keyName(parts)
	if _, ok := lookup(name); ok {
		w.complain(n, name, "is a setting, not a table", "write "+name+" = …")
		return false
	}
	for i := range registry {
		if strings.HasPrefix(registry[i].name, name+".") {
			return true
		}
	}
	candidates := keyNames()
	if n.Kind == unstable.Table {
		candidates = tableNames()
	}
	w.complain(n, name, "there is no such setting", suggest(name, candidates))
	return false
}

func (w *tomlWalk) value(e *entry, n, value *unstable.Node) {
	texts, ok := tomlTexts(e.kind(), value)
	if e.words && value.Kind == unstable.String {
		texts, ok = e.items(string(value.Data)), true
	}
	if !ok {
		w.broken[e.name] = true
		w.complain(n, e.name, "is "+tomlKind(value.Kind)+", but must be "+wanted(e.kind()), "")
		return
	}
	source := w.at(n)
	if e.kind() == List {
		w.clearList(e, source)
	}
	for _, text := range texts {
		w.set(e, source, text)
	}
}

// tomlTexts returns a value as parseValue wants it: one text, or one for each item of a list. It is false
// when the TOML type is wrong.
func tomlTexts(kind Kind, v *unstable.Node) ([]string, bool) {
	text := string(v.Data)
	switch kind {
	case Bool:
		return []string{text}, v.Kind == unstable.Bool
	case String:
		return []string{text}, v.Kind == unstable.String
	case Duration:
		return []string{text}, v.Kind == unstable.String || v.Kind == unstable.Integer && text == "0"
	case Size:
		if v.Kind == unstable.String {
			return []string{text}, true
		}
		return tomlInteger(v)
	case Int:
		return tomlInteger(v)
	case List:
		if v.Kind != unstable.Array {
			return nil, false
		}
		var items []string
		for it := v.Children(); it.Next(); {
			if it.Node().Kind != unstable.String {
				return nil, false
			}
			items = append(items, string(it.Node().Data))
		}
		return items, true
	}
	return nil, false
}

// tomlInteger turns 1_000 and 0xff into decimal digits.
func tomlInteger(v *unstable.Node) ([]string, bool) {
	if v.Kind != unstable.Integer {
		return nil, false
	}
	i, err := strconv.ParseInt(string(v.Data), 0, 64)
	return []string{strconv.FormatInt(i, 10)}, err == nil
}

func (w *tomlWalk) complain(n *unstable.Node, key, what, hint string) {
	w.problem(w.at(n), key, what, hint)
}

// at is where the key of an expression stands.
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

// keyName joins the parts of a key. A part that has a dot or odd characters of its own is quoted, so that
// "history.bytes" in quotes is not the key history.bytes.
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

func tableNames() []string {
	var names []string
	for i := range registry {
		if table, _ := splitKey(registry[i].name); table != "" && (len(names) == 0 || names[len(names)-1] != table) {
			names = append(names, table)
		}
	}
	return names
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

func wanted(k Kind) string {
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
