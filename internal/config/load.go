package config

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// envPrefix begins the name of every variable that is ours.
const envPrefix = "HASSESD_"

// Sources is where settings come from, weakest first. Empty ones are left out.
type Sources struct {
	HassesConf string       // path of an old hasses.conf
	ConfigFile string       // path of the TOML file
	Env        []string     // NAME=value, as os.Environ gives it
	Flags      []Assignment // in the order of the command line

	ReadFile func(path string) ([]byte, error) // nil: os.ReadFile
}

// Assignment is one flag of the command line.
type Assignment struct {
	Flag  string // name or alias of a key's flag, or an old flag, without dashes
	Value string // "true" for a switch
}

// Load merges the sources over [Defaults] and validates the result. The error is an [*Errors] with
// everything that is wrong; the settings are then not to be used.
func Load(in Sources) (Settings, error) {
	if in.ReadFile == nil {
		in.ReadFile = os.ReadFile
	}
	l := loader{settings: Defaults(), said: map[string]saying{}, broken: map[string]bool{}, asHasses: in.HassesConf != ""}
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
	l.settings.sources = make(map[string]string, len(l.said))
	for key, by := range l.said {
		l.settings.sources[key] = by.source
	}
	return l.settings, nil
}

// layer is a source in the order of precedence.
type layer uint8

const (
	layerDefaults   layer = iota // nobody said anything
	layerHassesConf              // an old hasses.conf
	layerFile                    // the TOML file
	layerEnv                     // the environment
	layerFlags                   // the command line
)

// saying is who said a key's value last.
type saying struct {
	layer  layer
	source string
}

// loader collects values and complaints, layer by layer.
type loader struct {
	settings Settings
	layer    layer             // the one that is being read
	said     map[string]saying // by key
	ports    []string          // of old -p flags: their scheme is known when all is read; part of the key listen
	asHasses bool              // hasses' own spellings were used
	broken   map[string]bool   // keys whose value could not be read: nothing more is to be said about them
	problems []*Error
}

func (l *loader) begin(next layer) { l.layer = next }

func (l *loader) file(as layer, path string, readFile func(string) ([]byte, error), parse func(path string, doc []byte)) {
	l.begin(as)
	doc, err := readFile(path)
	if err != nil {
		l.problem(path, "", "cannot be read: "+err.Error(), "")
		return
	}
	parse(path, doc)
}

func (l *loader) readEnv(env []string) {
	type variable struct{ name, value string }
	read := map[*entry]variable{}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		e, ok := lookupEnv(name)
		if !ok {
			continue // see UnknownVariables
		}
		if other, ok := read[e]; ok && other.name != name {
			if other.value != value {
				l.problem(name, e.name, other.name+" sets the same to something else", "keep one of the two")
			}
			continue
		}
		read[e] = variable{name, value}
		if e.kind() != List {
			l.set(e, name, value)
			continue
		}
		l.clearList(e, name)
		for _, item := range splitItems(value) {
			l.set(e, name, item)
		}
	}
}

// UnknownVariables are those of env, NAME=value, that begin like ours and name no setting. They have no effect: they may
// be mistyped, and may as well belong to a program that starts the daemon, so they are no reason not to start.
func UnknownVariables(env []string) []*Error {
	var unknown []*Error
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || isServiceLink(name) {
			continue
		}
		if _, ok := lookupEnv(name); !ok {
			unknown = append(unknown, &Error{Source: name, What: "there is no such setting", Hint: suggest(name, envNames())})
		}
	}
	return unknown
}

// splitItems takes a list apart that is written with commas.
func splitItems(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// items are what a text adds to a list, and the text itself for any other key.
func (e *entry) items(text string) []string {
	if e.words {
		return splitItems(text)
	}
	return []string{text}
}

// isServiceLink tells the variables that Kubernetes gives every container when a service is called hassesd.
func isServiceLink(name string) bool {
	rest := strings.TrimPrefix(name, envPrefix)
	return rest == "PORT" || strings.HasPrefix(rest, "PORT_") || strings.HasPrefix(rest, "SERVICE_")
}

func (l *loader) readFlags(flags []Assignment) {
	for _, f := range flags {
		source := "--" + f.Flag
		if e, ok := lookupFlag(f.Flag); ok {
			l.set(e, source, f.Value)
		} else if o, ok := lookupOldFlag(f.Flag); ok {
			l.setOld(o, "-"+f.Flag, f.Value)
		} else {
			l.problem(source, "", "there is no such flag", suggest(f.Flag, flagNames()))
		}
	}
}

// set reads text into the key. A list gets one more item, or starts anew when a weaker layer had filled it.
func (l *loader) set(e *entry, source, text string) {
	if e.kind() == List {
		l.clearList(e, source)
	}
	for _, item := range e.items(text) {
		if err := parseValue(e.kind(), e.field(&l.settings), item); err != nil {
			l.unreadable(e, source, err)
			return
		}
	}
	l.said[e.name] = saying{l.layer, source}
}

func (l *loader) unreadable(e *entry, source string, err *valueError) {
	l.broken[e.name] = true
	l.problem(source, e.name, err.what, err.hint)
}

// clearList makes room for this layer's items, the first time it is called for the layer.
func (l *loader) clearList(e *entry, source string) {
	if l.said[e.name].layer == l.layer {
		return
	}
	*e.field(&l.settings).(*[]string) = []string{}
	if e.name == "listen" {
		l.ports = nil
	}
	l.said[e.name] = saying{l.layer, source}
}

// setOld applies a flag of hasses.
func (l *loader) setOld(o *oldFlag, source, text string) {
	if o.Bool {
		var on bool
		if err := parseValue(Bool, &on, text); err != nil {
			l.problem(source, o.Key, err.what, "leave the value out")
			return
		}
		if !on && o.value != nil {
			return // -q=false: as if it were not there
		}
	}
	l.asHasses = l.asHasses || o.spellsHasses()
	if o.Key == "" {
		return
	}
	e := mustLookup(o.Key)
	if o.Name == "p" {
		l.clearList(e, source)
		l.ports = append(l.ports, text)
		return
	}
	if o.value != nil {
		text = o.value(text)
	}
	l.set(e, source, text)
}

// finish does what needs all layers: the scheme of old ports, hasses' defaults, and development mode.
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
		l.takeHassesDefaults()
	}
	if l.settings.Dev {
		l.develop()
	}
	if l.said["cors.credentials"].layer == layerDefaults && slices.Contains(l.settings.CORS.Origins, anyOrigin) {
		l.settings.CORS.Credentials = false // only who asks for the pair is refused
	}
}

// develop gives settings at their default their development value, unless the command line or the
// environment said that very default.
func (l *loader) develop() {
	defaults, dev := Defaults(), development()
	for i := range registry {
		e := &registry[i]
		field := e.field(&l.settings)
		if l.said[e.name].layer < layerEnv && sameValue(field, e.field(&defaults)) {
			copyValue(field, e.field(&dev))
		}
	}
}

func (l *loader) validate() {
	s := l.settings
	// What hangs on a switch that could not be read is not worth a complaint of its own.
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
			p.Source = l.said[p.Key].source
		}
		l.problems = append(l.problems, p)
	}
}

func (l *loader) problem(source, key, what, hint string) {
	l.problems = append(l.problems, &Error{Source: source, Key: key, What: what, Hint: hint})
}

func (l *loader) problemAt(path string, line, column int, key, what, hint string) {
	l.problem(fmt.Sprintf("%s:%d:%d", path, line, column), key, what, hint)
}

func envNames() []string {
	names := make([]string, 0, len(registry))
	for i := range registry {
		names = append(names, registry[i].envs()...)
	}
	return names
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

func keyNames() []string {
	names := make([]string, 0, len(registry))
	for i := range registry {
		names = append(names, registry[i].name)
	}
	return names
}
