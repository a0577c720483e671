package config

// Adopt returns old with the values of next that a running daemon can take: what is in force after a reload.
func Adopt(old, next Settings) Settings {
	for i := range registry {
		if e := &registry[i]; e.reloadable {
			copyValue(e.field(&old), e.field(&next))
		}
	}
	return old
}
