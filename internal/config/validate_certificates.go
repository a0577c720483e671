package config

import (
	"strings"
	"unicode"
)

// certificates checks the [[tls.certificate]] tables.
func (c *checker) certificates() {
	for _, cert := range c.s.TLS.Certificates {
		addError := func(what, hint string) {
			c.problems = append(c.problems, &Error{Source: cert.at, Key: certificateKey, What: what, Hint: hint})
		}
		if cert.CertFile == "" {
			addError("has no cert_file", "name the certificate's file")
		}
		if cert.KeyFile == "" {
			addError("has no key_file", "name the file of its private key")
		}
		for _, name := range certificateFields {
			if strings.ContainsFunc(*cert.field(name), unicode.IsControl) {
				addError(name+" contains a control character", "")
			}
		}
	}
}

func (c *checker) certificate() {
	t := &c.s.TLS
	switch {
	case t.CertFile != "" && t.KeyFile == "":
		c.addError("tls.key_file", "add --key-file", "a certificate is set, but no private key")
	case t.CertFile == "" && t.KeyFile != "":
		c.addError("tls.cert_file", "add --cert-file", "a private key is set, but no certificate")
	case len(t.All()) == 0 && !c.s.Dev && len(c.s.ACME.Hosts) == 0 && c.wantsTLS():
		c.addMissing("tls.cert_file",
			"use --dev on a laptop, --cert-file and --key-file or --acme-host on a server, or --plaintext (with --listen http://HOST:PORT if "+defaultPlaintextListen+" will not do) behind a proxy",
			"an https:// listener needs a certificate")
	}
}
