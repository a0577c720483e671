package config

import (
	"errors"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// readTOML reads a TOML file. It decodes the document once to check that it is valid TOML without
// duplicates, and then walks its expressions, because only those have positions.
func (l *loader) readTOML(path string, doc []byte) {
	var whole map[string]any
	if err := toml.Unmarshal(doc, &whole); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			line, column := at.Position()
			l.addErrorAt(path, line, column, strings.Join(at.Key(), "."), strings.TrimPrefix(at.Error(), "toml: "), "")
		} else {
			l.addError(path, "", err.Error(), "")
		}
		return
	}
	w := tomlWalk{loader: l, path: path}
	w.parser.Reset(doc)
	for w.parser.NextExpression() {
		w.expression(w.parser.Expression())
	}
	if err := w.parser.Error(); err != nil {
		l.addError(path, "", err.Error(), "")
	}
}

func (w *tomlWalk) expression(n *unstable.Node) {
	if n.Kind == unstable.KeyValue {
		switch {
		case w.skipTable:
		case lookupTableList(keyName(w.table)) != nil:
			w.listValue(lookupTableList(keyName(w.table)), n)
		default:
			w.keyValue(w.table, n)
		}
		return
	}
	w.table = keyParts(n.Key()) // a table or an array of tables: no other expression is left
	if list := lookupTableList(keyName(w.table)); list != nil {
		w.listTable(list, n)
		return
	}
	if n.Kind == unstable.ArrayTable {
		w.skipTable = true
		w.addNodeError(n, keyName(w.table), "is not an array of tables", "write the name in single brackets")
		return
	}
	w.skipTable = !w.isKnownTable(w.table, n)
}

// keyValue sets one key, or the keys of an inline table.
func (w *tomlWalk) keyValue(table []string, n *unstable.Node) {
	parts := append(append([]string{}, table...), keyParts(n.Key())...)
	name, value := keyName(parts), n.Value()
	if lookupTableList(name) != nil {
		w.broken[name] = true
		w.addNodeError(n, name, "is an array of tables", "write [["+name+"]] and its settings below")
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
		w.addNodeError(n, name, "is a table", "write its settings below ["+name+"]")
		return
	}
	for it := value.Children(); it.Next(); {
		w.keyValue(parts, it.Node())
	}
}

func (w *tomlWalk) isKnownTable(parts []string, n *unstable.Node) bool {
	name := keyName(parts)
	if _, ok := lookup(name); ok {
		w.addNodeError(n, name, "is a setting, not a table", "write "+name+" = …")
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
	w.addNodeError(n, name, "there is no such setting", suggest(name, candidates))
	return false
}

func (w *tomlWalk) value(e *entry, n, value *unstable.Node) {
	texts, ok := tomlTexts(e.kind(), value)
	if e.words && value.Kind == unstable.String {
		texts, ok = e.items(string(value.Data)), true
	}
	if !ok {
		w.broken[e.name] = true
		w.addNodeError(n, e.name, "is "+tomlKind(value.Kind)+", but must be "+kindText(e.kind()), "")
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

// tomlTexts returns a value as texts for parseValue: one, or one for each item of a list. It
// returns false for the wrong TOML type.
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

// tomlInteger converts integers such as 1_000 and 0xff to decimal digits.
func tomlInteger(v *unstable.Node) ([]string, bool) {
	if v.Kind != unstable.Integer {
		return nil, false
	}
	i, err := strconv.ParseInt(string(v.Data), 0, 64)
	return []string{strconv.FormatInt(i, 10)}, err == nil
}
