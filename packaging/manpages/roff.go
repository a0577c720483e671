package main

import (
	"fmt"
	"strings"
)

// page is a manual page in man(7) markup.
type page struct{ b strings.Builder }

// newPage begins a page; about is its line in whatis(1).
func newPage(name string, section int, e edition, about string) *page {
	p := &page{}
	fmt.Fprintf(&p.b, ".TH %s %d %q %q %q\n", strings.ToUpper(name), section, e.date, "hassesd "+e.version, "hassesd manual")
	// No hyphenation: people copy the words.
	p.b.WriteString(".nh\n.ad l\n")
	p.title("NAME")
	p.b.WriteString(escape(name) + ` \- ` + escape(about) + "\n")
	return p
}

// edition is the text in the footer.
type edition struct{ version, date string }

func (p *page) title(text string)    { p.b.WriteString(".SH " + quote(text) + "\n") }
func (p *page) subtitle(text string) { p.b.WriteString(".SS " + quote(text) + "\n") }

// text adds a paragraph.
func (p *page) text(format string, args ...any) {
	p.b.WriteString(".PP\n" + line(fmt.Sprintf(format, args...)))
}

// entry adds a term in bold, with a placeholder in italics that may be empty, and its description.
func (p *page) entry(term, placeholder, what string) {
	p.b.WriteString(".TP\n\\fB" + escape(term) + "\\fR")
	if placeholder != "" {
		p.b.WriteString(" \\fI" + escape(placeholder) + "\\fR")
	}
	p.b.WriteString("\n" + line(what))
}

// code adds text that is shown as it stands.
func (p *page) code(text string) {
	p.b.WriteString(".PP\n.in +4n\n.nf\n")
	for l := range strings.Lines(text) {
		p.b.WriteString(line(strings.TrimSuffix(l, "\n")))
	}
	p.b.WriteString(".fi\n.in\n")
}

// see adds a list of other pages: name(section).
func (p *page) see(pages ...string) {
	p.title("SEE ALSO")
	for i, name := range pages {
		name, section, _ := strings.Cut(strings.TrimSuffix(name, ")"), "(")
		after := ","
		if i == len(pages)-1 {
			after = ""
		}
		fmt.Fprintf(&p.b, ".BR %s (%s)%s\n", escape(name), section, after)
	}
}

func (p *page) String() string { return p.b.String() }

// escape returns text escaped for the inside of a line.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
}

// line returns text escaped for a line of its own, where a dot at the beginning would be a request.
func line(text string) string {
	text = escape(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text + "\n"
}

// quote returns text as an argument of a request.
func quote(text string) string {
	return `"` + strings.ReplaceAll(escape(text), `"`, `\(dq`) + `"`
}
