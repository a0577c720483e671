package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hassesd/hassesd/internal/config"
)

const (
	// helpWidth is the width of the help, in columns: that of the narrowest terminal in use.
	helpWidth = 80
	// helpColumn is where the explanation of a flag or a command begins.
	helpColumn = 26
)

const summary = "push events to open browsers over Server-Sent Events"

// appHelp returns the page of the whole program, as a template of the command line library without
// any action.
func appHelp() string {
	var b strings.Builder
	b.WriteString(wrap("hassesd: "+summary, 0) + "\nUsage:\n  hassesd [FLAGS]\n  hassesd check [FLAGS]\n  hassesd defaults\n  hassesd version\n\n")
	for paragraph := range strings.SplitSeq(description, "\n\n") {
		b.WriteString(wrap(paragraph, 0) + "\n")
	}
	b.WriteString("Commands:\n")
	entry(&b, "check", "validate what a start would use, and print ok")
	entry(&b, "defaults", "print the whole configuration file with each key documented")
	entry(&b, "version", "print the version; so does --version")
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
func entry(b *strings.Builder, name, text string) {
	lines := wrap(text, helpColumn)
	if len(name)+4 > helpColumn {
		fmt.Fprintf(b, "  %s\n%s", name, lines)
		return
	}
	fmt.Fprintf(b, "  %-*s%s", helpColumn-2, name, lines[helpColumn:])
}

// wrap breaks text into lines of helpWidth that are indented.
func wrap(text string, indent int) string {
	margin := strings.Repeat(" ", indent)
	var b strings.Builder
	line := margin
	for word := range strings.FieldsSeq(text) {
		if len(line) > indent {
			if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > helpWidth {
				b.WriteString(line + "\n")
				line = margin
			} else {
				line += " "
			}
		}
		line += word
	}
	return b.String() + line + "\n"
}

// literal returns a template that yields the text.
func literal(text string) string { return strings.ReplaceAll(text, "{{", `{{"{{"}}`) }
