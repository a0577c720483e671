package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/config"
)

var first = edition{version: "1.2.3", date: "2026-01-02"}

func TestTextStandsForItself(t *testing.T) {
	p := newPage("x", 1, first, "a thing")
	p.text("%s", `.it begins with a dot, has a \backslash and 'quotes'`)
	p.entry("--flag", "VALUE", ".B is no request")
	p.subtitle(`say "x"`)
	got := p.String()
	for _, want := range []string{
		`.TH X 1 "2026-01-02" "hassesd 1.2.3" "hassesd manual"` + "\n",
		`x \- a thing` + "\n",
		`\&.it begins with a dot, has a \ebackslash and \(aqquotes\(aq` + "\n",
		"\\fB\\-\\-flag\\fR \\fIVALUE\\fR\n\\&.B is no request\n",
		`.SS "say \(dqx\(dq"` + "\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestPagesHaveEverySetting(t *testing.T) {
	daemon, file := daemonPage(first), filePage(first)
	for _, k := range config.Keys() {
		flag := k.Flag
		if len(k.Aliases) > 0 {
			flag = k.Aliases[0]
		}
		if !strings.Contains(daemon, `\fB`+escape("--"+flag)+`\fR`) {
			t.Errorf("hassesd(8) lacks --%s", flag)
		}
		name := k.Name[strings.LastIndexByte(k.Name, '.')+1:]
		if !strings.Contains(file, `\fB`+escape(name)+`\fR`) {
			t.Errorf("hassesd.toml(5) lacks %s", k.Name)
		}
	}
	for title, table := range map[string]any{"[[tls.certificate]]": config.Certificate{}, "[[control.key]]": config.ControlKey{}} {
		_, section, ok := strings.Cut(file, ".SS \""+escape(title)+"\"\n")
		if !ok {
			t.Errorf("hassesd.toml(5) lacks %s", title)
		}
		section, _, _ = strings.Cut(section, "\n.S") // the next title
		for field := range reflect.TypeOf(table).Fields() {
			if key := field.Tag.Get("toml"); key != "" && !strings.Contains(section, `\fB`+escape(key)+`\fR`) {
				t.Errorf("hassesd.toml(5) lacks %s of %s", key, title)
			}
		}
	}
	if strings.Contains(file, escape("Example: --")) {
		t.Error("hassesd.toml(5) has examples for a shell")
	}
}

const helpOfAll = `tool: do things

Usage:
  tool [FLAGS] COMMAND [FLAGS]

Commands:
  go            go
                further
  pki           make certificates

Flags of every command, before or after it:
  --json              as JSON
  --a-rather-long-flag VALUE
                      wide

Environment:
  TOOL_JSON stands for the flag; TOOL_X
  does not.

Exit codes:
  0  all is well
  1  it is not
`

const helpOfGo = `tool go: go
further

Usage:
  tool go [FLAGS] WHERE

Somewhere. And
back.

Flags:
  --fast              at once

hassesctl --help lists the flags of every command and the exit codes.
`

func TestPageFromHelp(t *testing.T) {
	got, err := ctlPage(first, func(command string) (string, error) {
		switch command {
		case "":
			return helpOfAll, nil
		case "go":
			return helpOfGo, nil
		}
		return "tool " + command + ": make certificates\n\nUsage:\n  tool " + command + "\n", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`hassesctl \- do things`,
		".SS \"tool go [FLAGS] WHERE\"\n.PP\nGo further.\n.PP\nSomewhere. And back.\n.TP\n\\fB\\-\\-fast\\fR\nat once\n",
		`.SS "tool pki"`,
		"\\fB\\-\\-a\\-rather\\-long\\-flag\\fR \\fIVALUE\\fR\nwide\n",
		"TOOL_JSON stands for the flag; TOOL_X does not.\n",
		"\\fB1\\fR\nit is not\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if strings.Contains(got, "lists the flags") {
		t.Error("the page repeats where the help points to")
	}
}

func TestHelpThatIsNone(t *testing.T) {
	for _, text := range []string{"", "tool", "tool: x", "tool: x\n\nCommands:\n  a  b\n"} {
		if _, err := parseHelp(text); err == nil {
			t.Errorf("%q was taken for help", text)
		}
	}
}
