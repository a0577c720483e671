package jetstream

import "errors"

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
