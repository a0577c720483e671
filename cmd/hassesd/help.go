package main

import (
	"slices"
	"strings"

	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/helptext"
)

// helpColumn is where the explanation of a flag or a command begins.
const helpColumn = 26

const summary = "push events to open browsers over Server-Sent Events"

// appHelp returns the page of the whole program, as a template of the command line library without
// any action.
func appHelp() string {
	var b strings.Builder
	b.WriteString(helptext.Wrap("hassesd: "+summary, 0) + "\nUsage:\n  hassesd [FLAGS]\n  hassesd check [FLAGS]\n  hassesd defaults\n  hassesd version\n  hassesd completion bash|zsh|fish\n\n")
	for paragraph := range strings.SplitSeq(description, "\n\n") {
		b.WriteString(helptext.Wrap(paragraph, 0) + "\n")
	}
	b.WriteString("Commands:\n")
	entry(&b, "check", "validate what a start would use, and print ok")
	entry(&b, "defaults", "print the whole configuration file with each key documented")
	entry(&b, "version", "print the version; so does --version")
	entry(&b, "completion", "print the completion script for bash, zsh or fish")
	flagsHelp(&b)
	return literal(b.String())
}

// checkHelp returns the page of "hassesd check".
func checkHelp() string {
	var b strings.Builder
	b.WriteString("hassesd check: validate what a start would use, and print ok\n\nUsage:\n  hassesd check [FLAGS]\n")
	flagsHelp(&b)
	return literal(b.String())
}

func flagsHelp(b *strings.Builder) {
	b.WriteString("\nFlags:\n")
	entry(b, "--config FILE", "Read settings from this TOML file.")
	entry(b, "--hasses-conf FILE", "Read settings from an old hasses.conf.")
	entry(b, "--help", "Print this page.")
	b.WriteString("\nSettings, each also a key of the file and a HASSESD_ variable:\n")
	for _, k := range config.Keys() {
		name := "--" + slices.Concat(k.Aliases, []string{k.Flag})[0]
		if k.Kind != config.Bool {
			name += " " + strings.ToUpper(k.Kind.String())
		}
		entry(b, name, k.Usage)
	}
	b.WriteString("\nFlags of hasses, the C program, with one dash and an equals sign:\n")
	for _, o := range config.OldFlags() {
		name := "-" + o.Name
		if !o.Bool {
			name += "=VALUE"
		}
		entry(b, name, o.Usage)
	}
}

// entry writes a name and, beginning at helpColumn, its explanation.
func entry(b *strings.Builder, name, text string) { helptext.Entry(b, name, text, helpColumn) }

// literal returns a template that yields the text.
func literal(text string) string { return strings.ReplaceAll(text, "{{", `{{"{{"}}`) }
