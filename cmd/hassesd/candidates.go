package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/hassesd/hassesd/internal/config"
)

// candidates returns what could replace the last of the typed words. None means that the shell
// should offer files.
func candidates(typed []string) []string {
	if len(typed) == 0 {
		return nil
	}
	before, word := typed[:len(typed)-1], typed[len(typed)-1]
	// bash makes words of their own of an equals sign and what is behind it.
	if n := len(before); n > 0 && before[n-1] == "=" {
		before = before[:n-1]
	} else if word == "=" {
		word = ""
	}
	if n := len(before); n > 0 {
		if key, ok := keyOf(before[n-1]); ok && key.Kind != config.Bool {
			return beginning(word, key.Choices)
		}
		if slices.Contains([]string{"--config", "--hasses-conf"}, before[n-1]) {
			return nil
		}
	}
	if strings.HasPrefix(word, "-") {
		return beginning(word, flagNames())
	}
	switch commandOf(before) {
	case "":
		return beginning(word, []string{"check", "completion", "defaults", "version"})
	case "completion":
		return beginning(word, slices.Sorted(maps.Keys(completionFiles)))
	}
	return nil
}

// keyOf returns the key that a flag, with its dashes, sets.
func keyOf(flag string) (config.Key, bool) {
	name, isFlag := strings.CutPrefix(flag, "--")
	for _, k := range config.Keys() {
		if isFlag && (k.Flag == name || slices.Contains(k.Aliases, name)) {
			return k, true
		}
	}
	return config.Key{}, false
}

// commandOf returns the command among the words, or "" if there is none. The values of flags are
// not commands.
func commandOf(words []string) string {
	isValue := false
	for _, w := range words {
		switch {
		case isValue || w == "=":
			isValue = w == "="
		case strings.HasPrefix(w, "-"):
			key, ok := keyOf(w)
			isValue = ok && key.Kind != config.Bool || w == "--config" || w == "--hasses-conf"
		default:
			return w
		}
	}
	return ""
}

// flagNames returns all flags with their dashes, those of hasses with their equals sign.
func flagNames() []string {
	names := []string{"--config", "--hasses-conf", "--help", "--version"}
	for _, k := range config.Keys() {
		for _, name := range append(k.Aliases, k.Flag) {
			names = append(names, "--"+name)
		}
	}
	for _, o := range config.OldFlags() {
		name := "-" + o.Name
		if !o.Bool {
			name += "="
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// beginning returns the names that begin with prefix.
func beginning(prefix string, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(name, prefix) })
}
