package dashboard

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strings"

	operators "github.com/hassesd/hassesd/internal/api"
)

var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/page.js
	pageJS string
)

// render puts style and script into the page, which so is one file, and returns it with its
// Content-Security-Policy: nothing but these two runs, by their hashes, and the script can make no
// markup from text.
func render() (page []byte, policy string) {
	text := strings.NewReplacer("{{style}}", pageCSS, "{{script}}", pageJS).Replace(pageHTML)
	return []byte(text), "default-src 'none'; script-src '" + hashOf(pageJS) + "'; style-src '" + hashOf(pageCSS) + "'; " +
		"connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
		"require-trusted-types-for 'script'; trusted-types 'none'"
}

// hashOf returns the source expression for an inline text (CSP Level 3, section 2.3.1).
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// servePage serves the page. Where a key is needed first, it comes with 401, and asks for one.
func (d *Dashboard) servePage(w http.ResponseWriter, req *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", d.policy)
	status := http.StatusOK
	if !operators.MayRead(req.Context()) {
		h.Set("WWW-Authenticate", `Bearer realm="hassesd"`)
		status = http.StatusUnauthorized
	}
	w.WriteHeader(status)
	_, _ = w.Write(d.page) // a client that is gone needs none
}
