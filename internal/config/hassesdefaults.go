package config

import "slices"

// anyOrigin lets the pages of every web origin read streams.
const anyOrigin = "*"

// hassesPresets are the keys whose default differs in a start with hasses' own spellings, and what hasses did there.
// A key is here only if the back ends, pages or scripts of a hasses site would break without it.
var hassesPresets = []struct {
	key    string
	preset func(*Settings)
}{
	{"cors.origins", func(s *Settings) { s.CORS.Origins = []string{anyOrigin} }},
	{"log_format", func(s *Settings) { s.LogFormat = "classic" }},
}

// spellsHasses reports whether an old flag shows that a command line was written for hasses. The others are too
// ordinary (-l, -q, -debug), or are flags of ours under the same name (-user, -fifo).
func (o *oldFlag) spellsHasses() bool { return o.Name == "p" || o.Name == "murl" }

// takeHassesDefaults gives keys that no source set the default they had in hasses, and lists them in
// [Settings.HassesDefaults]. A source that sets a key, even to our own default, has decided.
func (l *loader) takeHassesDefaults() {
	for _, p := range hassesPresets {
		if l.said[p.key].layer != layerDefaults || l.broken[p.key] {
			continue
		}
		p.preset(&l.settings)
		l.settings.HassesDefaults = append(l.settings.HassesDefaults, p.key)
	}
}

// HasHassesDefault reports whether the key has the default of hasses, because the daemon was started with hasses' own
// spellings and nothing sets the key. It panics when there is no such key.
func (s *Settings) HasHassesDefault(key string) bool {
	return slices.Contains(s.HassesDefaults, mustLookup(key).name)
}
