package config

import "fmt"

// layer is a source in the order of precedence.
type layer uint8

const (
	layerDefaults   layer = iota // no source sets the key
	layerHassesConf              // an old hasses.conf
	layerFile                    // the TOML file
	layerEnv                     // the environment
	layerFlags                   // the command line
)

// origin is where a key's value comes from.
type origin struct {
	layer  layer
	source string
}

// loader collects values and errors, layer by layer.
type loader struct {
	settings Settings
	layer    layer             // the one being read
	origins  map[string]origin // by key
	ports    []string          // of old -p flags, for the key listen; their scheme is known when all layers are read
	asHasses bool              // flags or the file of hasses were used
	broken   map[string]bool   // keys whose value could not be read: no further error is reported for them
	problems []*Error
}

func (l *loader) begin(next layer) { l.layer = next }

// set reads text into the key. It adds an item to a list, or starts a new list if a lower layer set
// it.
func (l *loader) set(e *entry, source, text string) {
	if e.kind() == List {
		l.clearList(e, source)
	}
	for _, item := range e.items(text) {
		if err := parseValue(e.kind(), e.field(&l.settings), item); err != nil {
			l.unreadable(e, source, err)
			return
		}
	}
	l.origins[e.name] = origin{l.layer, source}
}

func (l *loader) unreadable(e *entry, source string, err *valueError) {
	l.broken[e.name] = true
	l.addError(source, e.name, err.what, err.hint)
}

// clearList empties a list on its first call for a layer.
func (l *loader) clearList(e *entry, source string) {
	if l.origins[e.name].layer == l.layer {
		return
	}
	*e.field(&l.settings).(*[]string) = []string{}
	if e.name == "listen" {
		l.ports = nil
	}
	l.origins[e.name] = origin{l.layer, source}
}

func (l *loader) addError(source, key, what, hint string) {
	l.problems = append(l.problems, &Error{Source: source, Key: key, What: what, Hint: hint})
}

func (l *loader) addErrorAt(path string, line, column int, key, what, hint string) {
	l.addError(fmt.Sprintf("%s:%d:%d", path, line, column), key, what, hint)
}
