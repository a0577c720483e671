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
				l.addError(name, e.name, other.name+" sets the same to something else", "keep one of the two")
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

// UnknownVariables are those of env, NAME=value, that begin like ours and name no setting. They
// have no effect: they may be mistyped, and may as well belong to a program that starts the daemon,
// so they are no reason not to start.
func UnknownVariables(env []string) []*Error {
	var unknown []*Error
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || isServiceLink(name) {
			continue
		}
		if _, ok := lookupEnv(name); !ok {
			unknown = append(unknown, &Error{Source: name, What: "there is no such setting", Hint: suggest(name, envNames())})
		}
	}
	return unknown
}

// isServiceLink tells the variables that Kubernetes gives every container when a service is called
// hassesd.
func isServiceLink(name string) bool {
	rest := strings.TrimPrefix(name, envPrefix)
	return rest == "PORT" || strings.HasPrefix(rest, "PORT_") || strings.HasPrefix(rest, "SERVICE_")
}
