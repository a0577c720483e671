package site

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/edge/exchange"
)

func TestDemoPages(t *testing.T) {
	r := &Rules{Path: "/events", Demo: true, HSTS: "max-age=60"}
	tests := []struct{ path, contentType, has string }{
		{"/", "text/html; charset=utf-8", `data-path="/events" data-all="no"`},
		{"/demo.js", "text/javascript; charset=utf-8", "new EventSource("},
		{"/demo.css", "text/css; charset=utf-8", "color-scheme"},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			got := answered(t, &exchange.Request{Method: "GET", Path: tt.path}, r, true)
			got.wantHeader(t, map[string]string{
				"Content-Type": tt.contentType, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff",
				"Content-Security-Policy": demoPolicy, "Referrer-Policy": "no-referrer", "Strict-Transport-Security": "max-age=60",
			})
			if !strings.Contains(got.body, tt.has) {
				t.Errorf("%q is not in\n%s", tt.has, got.body)
			}
			if strings.Contains(got.body, "{{") {
				t.Errorf("something was not filled in:\n%s", got.body)
			}
		})
	}
}

func TestDemoFillsInSafely(t *testing.T) {
	r := &Rules{Path: `/a"><script>alert(1)</script>`, AllowAll: true, Demo: true}
	body := answered(t, &exchange.Request{Method: "GET", Path: "/"}, r, false).body
	if want := `data-path="/a&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;" data-all="yes"`; !strings.Contains(body, want) {
		t.Errorf("%s is not in\n%s", want, body)
	}
}

// The policy forbids what is written into the page itself, so nothing must rely on it; and nothing
// comes from elsewhere, or as HTML from others.
func TestDemoKeepsItsPolicy(t *testing.T) {
	for name, forbidden := range map[string]string{
		"inline script":     `<script(>| [^>]*>[^<])`,
		"inline style":      `<style|\sstyle=`,
		"inline handler":    `\son[a-z]+=`,
		"foreign resource":  `(src|href)="(https?:)?//|url\(|@import`,
		"text made to HTML": `innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|\.style\b`,
	} {
		re := regexp.MustCompile(forbidden)
		for _, text := range []string{demoHTML, demoJS, demoCSS} {
			if found := re.FindString(text); found != "" {
				t.Errorf("%s: %q", name, found)
			}
		}
	}
}

// Each id that the script asks for is in the page.
func TestDemoScriptFitsThePage(t *testing.T) {
	asked := regexp.MustCompile(`(?:element|words)\("([a-z]+)"\)`).FindAllStringSubmatch(demoJS, -1)
	if len(asked) < 10 {
		t.Fatalf("found only %d ids in the script", len(asked))
	}
	for _, id := range asked {
		if !strings.Contains(demoHTML, `id="`+id[1]+`"`) {
			t.Errorf("the page has no %q", id[1])
		}
	}
}
