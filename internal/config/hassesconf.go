package config

import (
	"fmt"
	"slices"
	"strings"
)

// readHassesConf reads an old hasses.conf. A script of hasses converted the file into a command line:
// # begins a comment anywhere, unless a backslash precedes it, and a line has one or more switches.
// readHassesConf also accepts lines without a dash (key=value, key value and key), and comments that
// begin with ;.
func (l *loader) readHassesConf(path string, doc []byte) {
	number := 0
	for line := range strings.Lines(string(doc)) {
		number++
		source := fmt.Sprintf("%s:%d", path, number)
		line = strings.TrimSpace(withoutComment(line))
		switch {
		case line == "":
		case line[0] == '-':
			l.hassesSwitches(source, strings.Fields(line))
		default:
			end := strings.IndexFunc(line, func(r rune) bool { return r == '=' || r == ' ' || r == '\t' })
			if end < 0 {
				l.hassesSetting(source, line, "", false)
				continue
			}
			value := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line[end:]), "="))
			l.hassesSetting(source, line[:end], value, true)
		}
	}
}

func withoutComment(line string) string {
	if strings.HasPrefix(strings.TrimSpace(line), ";") {
		return ""
	}
	var kept strings.Builder
	for i := 0; i < len(line); i++ {
		if strings.HasPrefix(line[i:], `\#`) {
			i++
		} else if line[i] == '#' {
			break
		}
		kept.WriteByte(line[i])
	}
	return kept.String()
}

// hassesSwitches reads the words of a line that begins with a dash: -key=value, -key, or -key
// value.
func (l *loader) hassesSwitches(source string, words []string) {
	for len(words) > 0 {
		name, value, hasValue := strings.Cut(strings.TrimLeft(words[0], "-"), "=")
		words = words[1:]
		if !hasValue && len(words) > 0 && !strings.HasPrefix(words[0], "-") {
			value, hasValue = words[0], true
			words = words[1:]
		}
		l.hassesSetting(source, name, value, hasValue)
	}
}

func (l *loader) hassesSetting(source, name, value string, hasValue bool) {
	old, isOld := lookupOldFlag(name)
	if !isOld && !slices.Contains(sharedOldFlags, name) {
		l.addError(source, "", fmt.Sprintf("%q is not a setting of hasses", name), suggest(name, hassesNames()))
		return
	}
	if !hasValue {
		if !isOld || !old.Bool {
			l.addError(source, "", fmt.Sprintf("%q has no value", name), "write -"+name+"=…")
			return
		}
		value = "true"
	}
	if isOld {
		l.setOld(old, source, value)
		return
	}
	e, ok := lookupFlag(name)
	if !ok {
		panic("config: internal error: no key has the flag " + name)
	}
	l.set(e, source, value)
}

func hassesNames() []string {
	names := slices.Clone(sharedOldFlags)
	for _, o := range oldFlags {
		names = append(names, o.Name)
	}
	return names
}
