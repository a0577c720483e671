package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

func (c *checker) origins() {
	for _, origin := range c.s.CORS.Origins {
		if origin == "*" {
			if c.s.CORS.Credentials {
				c.addError("cors.credentials", "name the origins, or leave credentials out",
					"credentials cannot be combined with the origin *: every page on the web could read a user's streams")
			}
			continue
		}
		if right, err := canonicalOrigin(origin); err != nil {
			c.addError("cors.origins", err.hint, "%s", err.what)
		} else if right != origin {
			c.addError("cors.origins", "write "+strconv.Quote(right), "%q is not how browsers write this origin, so it would never match", origin)
		}
	}
}

// neverOrigins are schemes whose pages have the opaque origin null, or that no page has, with a
// hint.
var neverOrigins = map[string]string{
	"file":        "pages from files have the origin null, as every sandboxed frame has: serve them over HTTP",
	"data":        "such pages have the origin null, as every sandboxed frame has: serve them over HTTP",
	"blob":        "name the origin of the page that made the blob",
	"about":       "name the origin of the page that opened the frame",
	"javascript":  "name the origin of the page that runs it",
	"ws":          "pages come over http:// or https://: name that origin",
	"wss":         "pages come over http:// or https://: name that origin",
	"ftp":         "pages come over http:// or https://: name that origin",
	"view-source": "pages come over http:// or https://: name that origin",
}

// canonicalOrigin returns an origin as browsers write it in the Origin header (RFC 6454, section
// 6.1). It may be the origin of a site, an app or a browser extension, such as
// capacitor://localhost.
func canonicalOrigin(text string) (string, *valueError) {
	const hint = "write it as in https://www.example.org, or as an app or an extension has it: capacitor://localhost, chrome-extension://ID"
	wrong := func(hint, format string, args ...any) (string, *valueError) {
		return "", &valueError{fmt.Sprintf("%q ", text) + fmt.Sprintf(format, args...), hint}
	}
	if text == "null" {
		return wrong("name the page's own origin; a page without one cannot be told from any other",
			"is what every sandboxed frame and every page from a file sends: it would let all of them in")
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Opaque != "" {
		return wrong(hint, "is not a web origin")
	}
	if hint, isNever := neverOrigins[u.Scheme]; isNever {
		return wrong(hint, "is not a web origin: no page has one of %s:", u.Scheme)
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil {
		return wrong("leave the rest out", "is not a web origin: it has more than a scheme, a host and a port")
	}
	if strings.Contains(u.Host, "*") {
		return wrong("name each origin", "is not a web origin: * stands only alone, for any")
	}
	if _, err := netip.ParseAddr(u.Hostname()); err != nil && (u.Hostname() == "" || !isHostname(u.Hostname())) {
		return wrong(hint, "is not a web origin: it has no name or address for a host")
	}
	host := u.Host
	isWeb := u.Scheme == "http" || u.Scheme == "https"
	if isWeb {
		host = strings.ToLower(host) // browsers do not change hosts of other schemes
	}
	switch port := u.Port(); {
	case port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80":
		host = strings.TrimSuffix(host, ":"+port)
	case !isPort(port):
		return wrong("a port is a number up to 65535", "is not a web origin: %s is no port", port)
	}
	return u.Scheme + "://" + host, nil
}
