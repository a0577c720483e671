package config

import "slices"

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

// lookupFlag returns the entry of a flag or an alias, without dashes.
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

func envNames() []string {
	names := make([]string, 0, len(registry))
	for i := range registry {
		names = append(names, registry[i].envs()...)
	}
	return names
}

func keyNames() []string {
	names := make([]string, 0, len(registry))
	for i := range registry {
		names = append(names, registry[i].name)
	}
	return names
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
