package session

import "strings"

// Environment is what the process was started with.
type Environment struct {
	List   []string // NAME=VALUE
	values map[string]string
}

// NewEnvironment reads what os.Environ returns.
func NewEnvironment(list []string) Environment {
	values := make(map[string]string, len(list))
	for _, pair := range list {
		if name, value, ok := strings.Cut(pair, "="); ok {
			values[name] = value
		}
	}
	return Environment{List: list, values: values}
}

// Get returns the variable's value. A variable that is set to nothing counts as not set.
func (e Environment) Get(name string) string { return e.values[name] }
