package config

// Diff names the keys whose values differ, in the order of the file: those a running daemon can take, and
// those that need a restart.
func Diff(old, next Settings) (reloadable, needsRestart []string) {
	for i := range registry {
		e := &registry[i]
		if sameValue(e.field(&old), e.field(&next)) {
			continue
		}
		if e.reloadable {
			reloadable = append(reloadable, e.name)
		} else {
			needsRestart = append(needsRestart, e.name)
		}
	}
	return reloadable, needsRestart
}
