package config

import (
	"slices"
)

// Key is one setting. The flags, the environment, the file, the output of 'hassesd defaults' and
// the documentation all derive from the keys.
type Key struct {
	Name       string   // in the file, with its table: history.bytes
	Flag       string   // without dashes: history-bytes
	Aliases    []string // other names of the flag, without dashes
	Env        string   // HASSESD_HISTORY_BYTES
	Kind       Kind
	Choices    []string // the values that it may have; empty: any
	Usage      string   // full sentences: what it is, its default, its unit, an example
	Default    string   // as on a command line; list items are separated by commas
	Reloadable bool     // a reload applies a new value; otherwise a restart
}

// Keys returns every key, in the order of the file.
func Keys() []Key {
	d := Defaults()
	keys := make([]Key, 0, len(registry))
	for _, e := range registry {
		keys = append(keys, e.key(&d))
	}
	return keys
}

func (e *entry) key(defaults *Settings) Key {
	k := Key{
		Name:       e.name,
		Flag:       e.flag(),
		Aliases:    slices.Clone(e.aliases),
		Env:        e.env(),
		Kind:       e.kind(),
		Choices:    slices.Clone(e.choices),
		Default:    formatValue(e.kind(), e.field(defaults)),
		Reloadable: e.reloadable,
	}
	k.Usage = e.usage
	switch {
	case k.Default == "" && e.words:
		k.Usage += " Default: nothing." // "none" would look like a value
	case k.Default == "":
		k.Usage += " Default: none."
	default:
		k.Usage += " Default: " + k.Default + "."
	}
	if e.example != "" {
		k.Usage += " Example: --" + e.short() + " " + e.example
	}
	return k
}
