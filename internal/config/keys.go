package config

import (
	"slices"
)

// Key is one setting as the outside knows it. The registry of keys drives the flags, the
// environment, the file, the defaults output and the documentation.
type Key struct {
	Name       string   // in the file, with its table: history.bytes
	Flag       string   // without dashes: history-bytes
	Aliases    []string // other names of the flag, without dashes
	Env        string   // HASSESD_HISTORY_BYTES
	Kind       Kind
	Usage      string // full sentences: what it is, its default, its unit, an example
	Default    string // as it is written on a command line; a list has commas
	Reloadable bool   // a reload takes a new value; otherwise it needs a restart
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
		Default:    formatValue(e.kind(), e.field(defaults)),
		Reloadable: e.reloadable,
	}
	k.Usage = e.usage
	switch {
	case k.Default == "" && e.words:
		k.Usage += " Default: nothing." // or it would read like the word none
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
