package config

import "strings"

func (l *loader) readEnv(env []string) {
	type variable struct{ name, value string }
	read := map[*entry]variable{}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		e, ok := lookupEnv(name)
		if !ok {
			continue // see UnknownVariables
		}
		if other, ok := read[e]; ok && other.name != name {
			if other.value != value {
				l.addError(name, e.name, other.name+" sets the same key to another value", "remove one of the two")
			}
			continue
		}
		read[e] = variable{name, value}
		if e.kind() != List {
			l.set(e, name, value)
			continue
		}
		l.clearList(e, name)
		for _, item := range splitItems(value) {
			l.set(e, name, item)
		}
	}
}

// Variables that name a file of settings, as the flags --config and --hasses-conf do.
const (
	configFileEnv = envPrefix + "CONFIG"
	hassesConfEnv = envPrefix + "HASSES_CONF"
)

// FilesFromEnv returns the files of settings that env, as NAME=value, names. Flags come before it.
func FilesFromEnv(env []string) (configFile, hassesConf string) {
	for _, pair := range env {
		switch name, value, _ := strings.Cut(pair, "="); name {
		case configFileEnv:
			configFile = value
		case hassesConfEnv:
			hassesConf = value
		}
	}
	return configFile, hassesConf
}

// UnknownVariables returns an error for each variable of env, as NAME=value, that has our prefix
// and sets no key. It may be a typo, or belong to a program that starts the daemon, so it is not a
// reason to refuse to start.
func UnknownVariables(env []string) []*Error {
	var unknown []*Error
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || isServiceLink(name) || name == configFileEnv || name == hassesConfEnv {
			continue
		}
		if _, ok := lookupEnv(name); !ok {
			unknown = append(unknown, &Error{Source: name, What: "there is no such setting", Hint: suggest(name, envNames())})
		}
	}
	return unknown
}

// isServiceLink reports whether Kubernetes sets a variable of this name in every container because
// a service is called hassesd.
func isServiceLink(name string) bool {
	rest := strings.TrimPrefix(name, envPrefix)
	return rest == "PORT" || strings.HasPrefix(rest, "PORT_") || strings.HasPrefix(rest, "SERVICE_")
}
