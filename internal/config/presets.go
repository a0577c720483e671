package config

import "slices"

// IsDefault reports whether the key has its default value. It panics if there is no such key.
func (s *Settings) IsDefault(key string) bool {
	e := mustLookup(key)
	d := Defaults()
	return sameValue(e.field(s), e.field(&d))
}

// IsFromDevelopment reports whether the key has the default of development mode, which is on, and
// that differs from the usual default. It panics if there is no such key.
func (s *Settings) IsFromDevelopment(key string) bool { return s.IsPreset(key) && !s.IsDefault(key) }

// IsPreset reports whether the key has its default value, or that of development mode or of
// plaintext if that is on. It panics if there is no such key.
func (s *Settings) IsPreset(key string) bool {
	if s.IsDefault(key) {
		return true
	}
	e := mustLookup(key)
	dev := development()
	return s.Dev && sameValue(e.field(s), e.field(&dev)) || key == "listen" && s.Plaintext && slices.Equal(s.Listen, []string{defaultPlaintextListen})
}

// anyOrigin in cors.origins allows pages of every web origin to read streams.
const anyOrigin = "*"

// hassesPresets are the keys with another default if flags or the file of hasses are used: the
// behaviour of hasses. A key is here only if back ends, pages or scripts of a hasses site would
// break without it.
var hassesPresets = []struct {
	key    string
	preset func(*Settings)
}{
	{"cors.origins", func(s *Settings) { s.CORS.Origins = []string{anyOrigin} }},
	{"log_format", func(s *Settings) { s.LogFormat = "classic" }},
}

// useHassesDefaults sets the keys of hassesPresets that no source sets, and lists them in
// [Settings.HassesDefaults].
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

// defaultPlaintextListen is the default of listen for a daemon with plaintext and no certificate:
// the port of hasses.
const defaultPlaintextListen = "http://:8080"

// usePlaintext replaces the default of listen if there cannot be TLS anyway.
func (l *loader) usePlaintext() {
	s := &l.settings
	if s.Plaintext && !s.Dev && l.origins["listen"].layer < layerEnv && s.IsDefault("listen") &&
		s.TLS.KeyFile == "" && len(s.TLS.All()) == 0 && len(s.ACME.Hosts) == 0 {
		s.Listen = []string{defaultPlaintextListen}
	}
}

// HasHassesDefault reports whether the key has the default of hasses, because flags or the file of
// hasses are used and no source sets the key. It panics if there is no such key.
func (s *Settings) HasHassesDefault(key string) bool {
	return slices.Contains(s.HassesDefaults, mustLookup(key).name)
}
