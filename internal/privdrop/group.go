package privdrop

import (
	"fmt"
	"os/user"
)

// ResolveGroup finds the number of a group, named or numbered.
func ResolveGroup(name string) (int, error) {
	gid, err := resolveGroup(database{group: user.LookupGroup}, name, "")
	if err != nil {
		return 0, fmt.Errorf("group: %w", err)
	}
	return gid, nil
}
