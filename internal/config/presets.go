package config

import "slices"

// IsDefault reports whether the key's value is the default one. It panics when there is no such
// key.
func (s *Settings) IsDefault(key string) bool {
	e := mustLookup(key)
	d := Defaults()
	return sameValue(e.field(s), e.field(&d))
}

// IsFromDevelopment reports whether the key's value is one that development mode, which is on, has
// put in the place of another default: nobody asked for it in so many words. It panics when there
// is no such key.
func (s *Settings) IsFromDevelopment(key string) bool { return s.IsPreset(key) && !s.IsDefault(key) }

// IsPreset reports whether the key's value is the default one, or that of development mode where it
// is on. It panics when there is no such key.
func (s *Settings) IsPreset(key string) bool {
	if s.IsDefault(key) {
		return true
	}
	e := mustLookup(key)
	dev := development()
	return s.Dev && sameValue(e.field(s), e.field(&dev))
}

// anyOrigin lets the pages of every web origin read streams.
const anyOrigin = "*"

// hassesPresets are the keys whose default differs in a start with hasses' own spellings, and what
// hasses did there. A key is here only if the back ends, pages or scripts of a hasses site would
// break without it.
var hassesPresets = []struct {
	key    string
	preset func(*Settings)
}{
	{"cors.origins", func(s *Settings) { s.CORS.Origins = []string{anyOrigin} }},
	{"log_format", func(s *Settings) { s.LogFormat = "classic" }},
}

// useHassesDefaults gives keys that no source set the default they had in hasses, and lists them in
// [Settings.HassesDefaults]. A source that sets a key, even to our own default, has decided.
func (l *loader) useHassesDefaults() {
	for _, p := range hassesPresets {
		if l.origins[p.key].layer != layerDefaults || l.broken[p.key] {
			continue
		}
		p.preset(&l.settings)
		l.settings.HassesDefaults = append(l.settings.HassesDefaults, p.key)
	}
}

// useDevelopment replaces default values by those of development mode, unless the command line or
// the environment sets that very default.
func (l *loader) useDevelopment() {
	defaults, dev := Defaults(), development()
	for i := range registry {
		e := &registry[i]
		field := e.field(&l.settings)
		if l.origins[e.name].layer < layerEnv && sameValue(field, e.field(&defaults)) {
			copyValue(field, e.field(&dev))
		}
	}
}

// HasHassesDefault reports whether the key has the default of hasses, because the daemon was
// started with hasses' own spellings and nothing sets the key. It panics when there is no such key.
func (s *Settings) HasHassesDefault(key string) bool {
	return slices.Contains(s.HassesDefaults, mustLookup(key).name)
}
