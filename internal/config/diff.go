package config

import "slices"

// Diff returns the keys whose values differ, in the order of the file with lists of tables last:
// those that a reload applies, and those that need a restart.
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
	if !sameCertificates(old.TLS.Certificates, next.TLS.Certificates) {
		reloadable = append(reloadable, certificateKey)
	}
	if !sameControlKeys(old.Control.Keys, next.Control.Keys) {
		reloadable = append(reloadable, controlKeyKey)
	}
	return reloadable, needsRestart
}

// Adopt returns old with the reloadable values of next, which are the settings after a reload.
func Adopt(old, next Settings) Settings {
	for i := range registry {
		if e := &registry[i]; e.reloadable {
			copyValue(e.field(&old), e.field(&next))
		}
	}
	old.sources = next.sources
	old.TLS.Certificates = slices.Clone(next.TLS.Certificates)
	old.Control.Keys = slices.Clone(next.Control.Keys)
	old.HassesDefaults = slices.Clone(next.HassesDefaults)
	return old
}
