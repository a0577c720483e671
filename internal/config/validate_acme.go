package config

import (
	"encoding/base64"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// acme checks the table [acme]. Without hosts, ACME is off, and acme checks only values that are
// never valid.
func (c *checker) acme() {
	a := &c.s.ACME
	c.oneOf("acme.fallback", a.Fallback)
	for _, challenge := range a.Challenges {
		c.oneOf("acme.challenges", challenge)
	}
	if len(a.Hosts) == 0 {
		return
	}
	for i, host := range a.Hosts {
		c.acmeHost(host)
		if slices.Contains(a.Hosts[:i], host) {
			c.addError("acme.hosts", "", "%q is listed twice", host)
		}
	}
	if !a.AcceptTOS {
		c.addError("acme.accept_tos", "read them, then write accept_tos = true (--acme-accept-tos)",
			"the authority issues certificates only if you accept its terms of service")
	}
	if a.Email != "" {
		if parsed, err := mail.ParseAddress(a.Email); err != nil || parsed.Address != a.Email {
			c.addError("acme.email", "write it as in hostmaster@example.org", "%q is not an email address", a.Email)
		}
	}
	if u, err := url.Parse(a.Directory); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		c.addError("acme.directory", "write it as in https://acme-v02.api.letsencrypt.org/directory", "%q is not an https:// URL", a.Directory)
	}
	if a.CacheDir == "" {
		c.addError("acme.cache_dir", "write it as in /var/lib/hassesd/acme", "certificates must survive a restart, and no directory is set")
	}
	c.acmeChallenges()
	c.acmeBinding()
}

func (c *checker) acmeHost(host string) {
	const hint = "write it as in push.example.org"
	_, notAddress := netip.ParseAddr(host)
	switch {
	case strings.HasPrefix(host, "*."):
		c.addError("acme.hosts", "name each host", "%q is a wildcard, which authorities issue only to those who can change the DNS", host)
	case notAddress == nil:
		c.addError("acme.hosts", hint, "%q is an IP address; certificates are obtained for names", host)
	case host != strings.ToLower(host):
		c.addError("acme.hosts", "write "+strings.ToLower(host), "%q has upper-case letters", host)
	case !isDNSName(host):
		c.addError("acme.hosts", hint, "%q is not a host name; write an internationalized one in its xn-- form", host)
	}
}

// isDNSName reports whether the host consists of labels of letters, digits and inner hyphens (RFC
// 1123 section 2.1).
func isDNSName(host string) bool {
	if !isHostname(host) {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return false
		}
	}
	return true
}

func (c *checker) acmeChallenges() {
	if !c.browsersUseTLS() {
		c.addError("acme.hosts", "add an https:// listener, or leave acme out", "no listener uses TLS, so nothing would use a certificate")
		return
	}
	if !slices.Contains(c.s.ACME.Challenges, "tls-alpn-01") && !c.wantsHTTP01() {
		c.addError("acme.challenges", "allow tls-alpn-01, or http-01 with --plaintext and --listen http://:80",
			"no challenge can succeed")
	}
}

func (c *checker) wantsHTTP01() bool {
	return slices.Contains(c.s.ACME.Challenges, "http-01") && slices.ContainsFunc(c.s.Listen, func(text string) bool {
		l, err := parseListener(text)
		return err == nil && !l.TLS
	})
}

func (c *checker) acmeBinding() {
	a := &c.s.ACME
	switch {
	case a.EABKey != "" && a.EABKeyFile != "":
		c.addError("acme.eab_key", "leave one out", "the key is set twice, here and by acme.eab_key_file")
	case a.EABKeyID != "" && a.EABKey == "" && a.EABKeyFile == "":
		c.addError("acme.eab_key_file", "set the key that belongs to it", "acme.eab_kid is set, but no key")
	case a.EABKeyID == "" && (a.EABKey != "" || a.EABKeyFile != ""):
		c.addError("acme.eab_kid", "set the identifier that belongs to it", "a key for external account binding is set, but no acme.eab_kid")
	}
	if a.EABKey != "" {
		if _, err := DecodeEABKey(a.EABKey); err != nil {
			c.addError("acme.eab_key", "copy it as the authority gave it", "it is not base64url")
		}
	}
}

// DecodeEABKey reads the key of an external account binding as authorities write it: base64url (RFC 8555 section
// 7.3.4), with or without padding.
func DecodeEABKey(text string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(text), "="))
}
