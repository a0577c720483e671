package config

import (
	"os"
	"slices"
	"strings"
)

// Sources is where settings come from. Later fields override earlier ones. Empty ones are skipped.
type Sources struct {
	HassesConf string       // path of an old hasses.conf
	ConfigFile string       // path of the TOML file
	Env        []string     // NAME=value, as from os.Environ
	Flags      []Assignment // in the order of the command line

	ReadFile func(path string) ([]byte, error) // nil: os.ReadFile
}

// Assignment is one flag of the command line.
type Assignment struct {
	Flag  string // name or alias of a key's flag, or an old flag, without dashes
	Value string // "true" for a switch
}

// Load merges the sources over [Defaults] and validates the result. The error is an [*Errors] with
// all errors. With an error, the settings must not be used.
func Load(in Sources) (Settings, error) {
	if in.ReadFile == nil {
		in.ReadFile = os.ReadFile
	}
	l := loader{settings: Defaults(), origins: map[string]origin{}, broken: map[string]bool{}, asHasses: in.HassesConf != ""}
	l.readStateDirectory(in.Env)
	if in.HassesConf != "" {
		l.file(layerHassesConf, in.HassesConf, in.ReadFile, l.readHassesConf)
	}
	if in.ConfigFile != "" {
		l.file(layerFile, in.ConfigFile, in.ReadFile, l.readTOML)
	}
	l.begin(layerEnv)
	l.readEnv(in.Env)
	l.begin(layerFlags)
	l.readFlags(in.Flags)
	l.finish()
	l.validate()
	if len(l.problems) > 0 {
		return Settings{}, &Errors{List: l.problems}
	}
	l.settings.sources = make(map[string]string, len(l.origins))
	for key, by := range l.origins {
		l.settings.sources[key] = by.source
	}
	return l.settings, nil
}

func (l *loader) file(as layer, path string, readFile func(string) ([]byte, error), parse func(path string, doc []byte)) {
	l.begin(as)
	doc, err := readFile(path)
	if err != nil {
		l.addError(path, "", "cannot be read: "+err.Error(), "")
		return
	}
	parse(path, doc)
}

func (l *loader) readFlags(flags []Assignment) {
	for _, f := range flags {
		source := "--" + f.Flag
		if e, ok := lookupFlag(f.Flag); ok {
			l.set(e, source, f.Value)
		} else if o, ok := lookupOldFlag(f.Flag); ok {
			l.setOld(o, "-"+f.Flag, f.Value)
		} else {
			l.addError(source, "", "there is no such flag", suggest(f.Flag, flagNames()))
		}
	}
}

// finish does what needs all layers: the scheme of old ports, the defaults of hasses, and
// development mode.
func (l *loader) finish() {
	for _, port := range l.ports {
		scheme := "https://"
		if l.settings.Plaintext {
			scheme = "http://"
		}
		if !strings.Contains(port, ":") {
			port = ":" + port
		}
		l.settings.Listen = append(l.settings.Listen, scheme+port)
	}
	if l.asHasses {
		l.useHassesDefaults()
	}
	if l.settings.Dev {
		l.useDevelopment()
	}
	l.usePlaintext()
	if l.origins["cors.credentials"].layer == layerDefaults && slices.Contains(l.settings.CORS.Origins, anyOrigin) {
		l.settings.CORS.Credentials = false // only an explicit combination is an error
	}
}

func (l *loader) validate() {
	s := l.settings
	// An error that follows from a switch that could not be read is not reported as well.
	s.Dev = s.Dev || l.broken["dev"]
	s.Plaintext = s.Plaintext || l.broken["plaintext"]
	if l.broken["dev"] && len(s.Auth.Mode) == 0 {
		s.Auth.Mode = []string{"none"}
	}
	for _, p := range check(&s) {
		if l.broken[p.Key] {
			continue
		}
		if p.Source == "" {
			p.Source = l.origins[p.Key].source
		}
		l.problems = append(l.problems, p)
	}
}

func flagNames() []string {
	names := make([]string, 0, 2*len(registry))
	for i := range registry {
		names = append(names, registry[i].flag())
		names = append(names, registry[i].aliases...)
	}
	for _, o := range oldFlags {
		names = append(names, o.Name)
	}
	return names
}
