package config

import (
	"strings"
	"time"
)

// envPrefix is the prefix of the environment variables of hassesd.
const envPrefix = "HASSESD_"

// entry is a row of the registry: what the settings struct does not state.
type entry struct {
	name       string
	aliases    []string
	usage      string   // what it is, in full sentences
	example    string   // a value; empty: no example
	choices    []string // the values that it may have; nil: any
	reloadable bool
	size       bool                // an int that counts bytes
	words      bool                // a list of plain words, which may be one text with commas
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

// envs returns the names of all variables that set the key: its own, and those of its aliases.
func (e *entry) envs() []string {
	names := []string{e.env()}
	for _, a := range e.aliases {
		names = append(names, envPrefix+strings.ToUpper(strings.ReplaceAll(a, "-", "_")))
	}
	return names
}

// short returns the shortest flag of the key.
func (e *entry) short() string {
	if len(e.aliases) > 0 {
		return e.aliases[0]
	}
	return e.flag()
}

// items returns the items that a text adds to a list, or the text itself for any other key.
func (e *entry) items(text string) []string {
	if e.words {
		return splitItems(text)
	}
	return []string{text}
}

// splitItems splits a list at commas.
func splitItems(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// splitKey splits a key into its table, which is empty at the top level, and its name there.
func splitKey(key string) (table, name string) {
	dot := strings.LastIndexByte(key, '.')
	return key[:max(dot, 0)], key[dot+1:]
}
