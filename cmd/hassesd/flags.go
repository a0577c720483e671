package main

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/config"
)

const description = `Settings come from the defaults, then the TOML file of --config, then HASSESD_ variables, then flags; later ones win. HASSESD_CONFIG names the file where no flag does.
'hassesd defaults' prints a file with every setting explained. The flags of hasses, the C program, work as they did.

Exit codes: 0 ok, 1 failure, 2 usage or configuration.`

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// assignments collects the settings of the command line, in its order, and loads all settings.
type assignments struct {
	env        []string
	list       []config.Assignment
	configFile string // of the flag; see fileNames
	hassesConf string
}

func (a *assignments) load() (config.Settings, error) {
	configFile, hassesConf := a.fileNames()
	return config.Load(config.Sources{
		ConfigFile: configFile,
		HassesConf: hassesConf,
		Env:        a.env,
		Flags:      a.list,
	})
}

// fileNames returns the files of the flags or, without one, of the environment.
func (a *assignments) fileNames() (configFile, hassesConf string) {
	configFile, hassesConf = config.FilesFromEnv(a.env)
	return cmp.Or(a.configFile, configFile), cmp.Or(a.hassesConf, hassesConf)
}

// files returns the paths of the files that load reads.
func (a *assignments) files() []string {
	configFile, hassesConf := a.fileNames()
	return slices.DeleteFunc([]string{configFile, hassesConf}, func(path string) bool { return path == "" })
}

// flags returns a flag for every key, alias and old spelling. People type the aliases, so the help
// shows those.
func (a *assignments) flags() []cli.Flag {
	flags := []cli.Flag{
		&cli.GenericFlag{Name: "config", Usage: "Read settings from this TOML file.", Value: (*fileName)(&a.configFile), TakesFile: true},
		&cli.GenericFlag{Name: "hasses-conf", Usage: "Read settings from an old hasses.conf.", Value: (*fileName)(&a.hassesConf), TakesFile: true},
	}
	for _, k := range config.Keys() {
		names := k.Aliases
		if !slices.Contains(names, k.Flag) {
			names = append(names, k.Flag)
		}
		for i, name := range names {
			flags = append(flags, a.flag(name, k.Usage, k.Kind == config.Bool, i > 0, "Settings"))
		}
	}
	for _, o := range config.OldFlags() {
		flags = append(flags, a.flag(o.Name, o.Usage, o.Bool, false, "Flags of hasses"))
	}
	return flags
}

func (a *assignments) flag(name, usage string, isBool, hidden bool, category string) cli.Flag {
	f := &cli.GenericFlag{
		Name:     name,
		Usage:    usage,
		Hidden:   hidden,
		Category: category,
		Value:    &collector{into: a, name: name, isBool: isBool},
	}
	if isBool {
		return switchFlag{f}
	}
	return f
}

// switchFlag is a flag whose help shows no value.
type switchFlag struct{ *cli.GenericFlag }

// TakesValue implements cli.DocGenerationFlag.
func (switchFlag) TakesValue() bool { return false }

// String implements cli.Flag: the line in the help.
func (f switchFlag) String() string { return cli.FlagStringer(f) }

// collector is a flag.Value that records every use of its flag; config reads the values.
type collector struct {
	into   *assignments
	name   string
	isBool bool
}

// Set implements flag.Value.
func (c *collector) Set(value string) error {
	if c.isBool {
		if on, err := strconv.ParseBool(value); err == nil {
			value = strconv.FormatBool(on)
		}
	}
	c.into.list = append(c.into.list, config.Assignment{Flag: c.name, Value: value})
	return nil
}

// String implements flag.Value; defaults are part of the usage text.
func (c *collector) String() string { return "" }

// IsBoolFlag makes the value optional.
func (c *collector) IsBoolFlag() bool { return c.isBool }

// fileName is a flag.Value that may be set before a command and after it.
type fileName string

// Set implements flag.Value.
func (f *fileName) Set(value string) error {
	*f = fileName(value)
	return nil
}

// String implements flag.Value.
func (f *fileName) String() string { return "" }
