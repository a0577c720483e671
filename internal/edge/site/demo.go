package site

import (
	_ "embed"
	"html"
	"net/http"
	"strings"

	"github.com/hassesd/hassesd/internal/edge/exchange"
)

// The demo page, written to be read as an example.
var (
	//go:embed demo.html
	demoHTML string
	//go:embed demo.js
	demoJS string
	//go:embed demo.css
	demoCSS string
)

// demoPolicy is the Content-Security-Policy of the demo: its own script, style and streams, and
// nothing else.
const demoPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// page is one file of the demo.
type page struct {
	contentType string
	text        string
	fill        bool // {{path}} and {{all}} in text stand for the rules
}

// demoPage returns what the demo has at path, or nil.
func demoPage(path string) *page {
	switch path {
	case "/":
		return &page{contentType: "text/html; charset=utf-8", text: demoHTML, fill: true}
	case "/demo.js":
		return &page{contentType: "text/javascript; charset=utf-8", text: demoJS}
	case "/demo.css":
		return &page{contentType: "text/css; charset=utf-8", text: demoCSS}
	}
	return nil
}

// answer returns the page.
func (p *page) answer(r *Rules) exchange.Answer {
	return exchange.Answer{
		Status: http.StatusOK,
		Fields: []exchange.Field{
			{Name: "Content-Type", Value: p.contentType},
			{Name: "Cache-Control", Value: "no-cache"},
			{Name: "Content-Security-Policy", Value: demoPolicy},
			{Name: "Referrer-Policy", Value: "no-referrer"},
		},
		Body: p.render(r),
	}
}

// render returns the body.
func (p *page) render(r *Rules) []byte {
	if !p.fill {
		return []byte(p.text)
	}
	all := "no"
	if r.AllowAll {
		all = "yes"
	}
	return []byte(strings.NewReplacer("{{path}}", html.EscapeString(r.Path), "{{all}}", all).Replace(p.text))
}
