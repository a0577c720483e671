package main

import (
	"fmt"
	"strings"
)

// ctlPage returns hassesctl(1), made from the program's own help. ask returns the help of a command,
// or of the program if there is none.
func ctlPage(e edition, ask func(command string) (string, error)) (string, error) {
	text, err := ask("")
	if err != nil {
		return "", err
	}
	whole, err := parseHelp(text)
	if err != nil {
		return "", err
	}
	p := newPage("hassesctl", 1, e, whole.about)
	p.title("SYNOPSIS")
	p.b.WriteString(".B hassesctl\n.RI [ flags ]\n.I command\n.RI [ flags ]\n.RI [ arguments ]\n")
	p.title("DESCRIPTION")
	p.text("hassesctl operates a running hassesd(8): it publishes, shows streams and figures, and administrates, over the daemon's control socket or port.")
	p.title("COMMANDS")
	for _, c := range whole.sections["Commands"] {
		text, err := ask(c.name)
		if err != nil {
			return "", err
		}
		h, err := parseHelp(text)
		if err != nil {
			return "", fmt.Errorf("%s: %w", c.name, err)
		}
		p.subtitle(h.usage)
		p.text("%s.", upperFirst(h.about))
		for _, paragraph := range h.description {
			p.text("%s", paragraph)
		}
		for _, f := range h.sections["Flags"] {
			p.flag(f)
		}
	}
	p.title("OPTIONS")
	p.text("Every command has these flags, before or after it.")
	for _, f := range whole.sections["Flags of every command, before or after it"] {
		p.flag(f)
	}
	p.title("ENVIRONMENT")
	for _, s := range whole.sections["Environment"] {
		p.text("%s", s.text)
	}
	p.title("EXIT STATUS")
	for _, s := range whole.sections["Exit codes"] {
		p.entry(s.name, "", s.text)
	}
	p.see("hassesd(8)", "hassesd.toml(5)")
	return p.String(), nil
}

func (p *page) flag(f item) {
	name, value, _ := strings.Cut(f.name, " ")
	p.entry(name, value, f.text)
}

// help is a parsed page of help.
type help struct {
	about       string // what follows the name in the first lines
	usage       string // without indentation
	description []string
	sections    map[string][]item
}

// item is a line of a section: a name and, in its own column, a description. Prose has no names.
type item struct{ name, text string }

// parseHelp reads a page: paragraphs, and titles with a colon that have indented lines.
func parseHelp(text string) (help, error) {
	h := help{sections: make(map[string][]item)}
	blocks := strings.Split(strings.TrimSpace(text), "\n\n")
	_, about, ok := strings.Cut(flat(blocks[0]), ": ")
	if !ok {
		return help{}, fmt.Errorf("help does not begin with a name and what it is: %q", blocks[0])
	}
	h.about = about
	for _, block := range blocks[1:] {
		title, rest, _ := strings.Cut(block, "\n")
		if !strings.HasSuffix(title, ":") || !strings.HasPrefix(rest, "  ") {
			h.description = append(h.description, flat(block))
			continue
		}
		title = strings.TrimSuffix(title, ":")
		if title == "Usage" {
			h.usage = flat(rest)
			continue
		}
		h.sections[title] = items(rest)
	}
	if n := len(h.description); n > 0 && strings.HasPrefix(h.description[n-1], "hassesctl --help lists") {
		h.description = h.description[:n-1] // the page lists it elsewhere
	}
	if h.usage == "" {
		return help{}, fmt.Errorf("help without a usage: %q", text)
	}
	return h, nil
}

// items parses lines: two blanks of indentation begin an item, more continue it. Prose is one item.
func items(text string) []item {
	var list []item
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\n")
		body := strings.TrimLeft(l, " ")
		name, what, isEntry := strings.Cut(body, "  ")
		switch indent := len(l) - len(body); {
		case indent == 2 && (isEntry || strings.HasPrefix(body, "-")):
			list = append(list, item{name, strings.TrimSpace(what)})
		case len(list) > 0:
			last := &list[len(list)-1]
			last.text = strings.TrimSpace(last.text + " " + body)
		default:
			list = append(list, item{"", body})
		}
	}
	return list
}

func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

func upperFirst(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
