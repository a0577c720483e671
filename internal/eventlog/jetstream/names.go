package jetstream

import (
	"errors"
	"strings"
)

// MaxName bounds the name of a cluster and of a node, in bytes.
const MaxName = 64

// CheckName returns an error unless name can be that of a cluster: it becomes a part of subjects
// and of the stream's name.
func CheckName(name string) error {
	if name == "" || len(name) > MaxName {
		return errors.New("has 1 to 64 letters, digits, hyphens and underscores")
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return errors.New("has letters, digits, hyphens and underscores only")
		}
	}
	return nil
}

// subjects are what the names of a cluster lead to.
type subjects struct {
	stream string
	prefix string // of the records
	ctl    string // of what nodes tell each other
}

func subjectsOf(name string) subjects {
	return subjects{stream: "hassesd-" + name, prefix: "hassesd." + name + ".log.", ctl: "hassesd." + name + ".ctl."}
}

func (s subjects) of(k kind) string { return s.prefix + string(k) }

func (s subjects) all() string { return s.prefix + "*" }

func (s subjects) kind(subject string) kind { return kind(strings.TrimPrefix(subject, s.prefix)) }
