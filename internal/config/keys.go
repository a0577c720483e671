package config

import (
	"slices"
	"strings"
	"time"
)

// Kind is the type of a key's value.
type Kind uint8

// The kinds of values.
const (
	Bool     Kind = iota + 1 // true or false
	String                   // any text
	List                     // texts: an array in TOML, a repeated flag, commas in the environment
	Int                      // a whole number
	Size                     // bytes: 65536, 64KiB, 1MiB
	Duration                 // Go's: 15s, 1h30m, 0
)

func (k Kind) String() string {
	switch k {
	case Bool:
		return "bool"
	case String:
		return "string"
	case List:
		return "list"
	case Int:
		return "int"
	case Size:
		return "size"
	case Duration:
		return "duration"
	}
	return "unknown"
}

// Key is one setting as the outside knows it. The registry of keys drives the flags, the environment,
// the file, the defaults output and the documentation.
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

// entry is a row of the registry: what cannot be derived from the settings struct.
type entry struct {
	name       string
	aliases    []string
	usage      string // what it is, ending in a full stop
	example    string // a value; empty: none worth giving
	reloadable bool
	size       bool                // an int that counts bytes
	words      bool                // a list of plain words: one text, or several with commas, will do for it
	field      func(*Settings) any // pointer to the field
}

func (e *entry) kind() Kind {
	switch e.field(&Settings{}).(type) {
	case *bool:
		return Bool
	case *string:
		return String
	case *[]string:
		return List
	case *time.Duration:
		return Duration
	case *int, *int64:
		if e.size {
			return Size
		}
		return Int
	}
	panic("config: internal error: key " + e.name + " has a type that no parser knows")
}

func (e *entry) flag() string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(e.name)
}

func (e *entry) env() string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_").Replace(e.name))
}

// envs are the names of all variables that set the key: its own, and those of the short flags.
func (e *entry) envs() []string {
	names := []string{e.env()}
	for _, a := range e.aliases {
		names = append(names, envPrefix+strings.ToUpper(strings.ReplaceAll(a, "-", "_")))
	}
	return names
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

// short is the flag name that people type.
func (e *entry) short() string {
	if len(e.aliases) > 0 {
		return e.aliases[0]
	}
	return e.flag()
}

func lookup(name string) (*entry, bool) {
	for i := range registry {
		if registry[i].name == name {
			return &registry[i], true
		}
	}
	return nil, false
}

func mustLookup(name string) *entry {
	e, ok := lookup(name)
	if !ok {
		panic("config: internal error: no key " + name)
	}
	return e
}

// lookupFlag finds the key that a flag sets, by its name or an alias, without dashes.
func lookupFlag(flag string) (*entry, bool) {
	for i := range registry {
		if registry[i].flag() == flag || slices.Contains(registry[i].aliases, flag) {
			return &registry[i], true
		}
	}
	return nil, false
}

func lookupEnv(name string) (*entry, bool) {
	for i := range registry {
		if slices.Contains(registry[i].envs(), name) {
			return &registry[i], true
		}
	}
	return nil, false
}
