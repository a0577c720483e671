package config

import (
	"slices"
	"strings"
	"unicode"
)

// certificateKey is a list of tables: [[tls.certificate]].
const certificateKey = "tls.certificate"

// Certificate is one of several certificates.
type Certificate struct {
	CertFile string `toml:"cert_file"` // PEM, the whole chain, leaf first
	KeyFile  string `toml:"key_file"`  // PEM
	OCSPFile string `toml:"ocsp_file"` // DER; empty: none

	at string // where its table begins; empty unless it was read from a file
}

// certificateFields are the keys of a [[tls.certificate]] table.
var certificateFields = []string{"cert_file", "key_file", "ocsp_file"}

// Source returns where the table begins, as file:line:column; empty unless it was read from a file.
func (c *Certificate) Source() string { return c.at }

func (c *Certificate) field(name string) *string {
	switch name {
	case "cert_file":
		return &c.CertFile
	case "key_file":
		return &c.KeyFile
	case "ocsp_file":
		return &c.OCSPFile
	}
	return nil
}

// All returns every certificate that is named, the default first: that of cert_file and key_file, if there is one.
func (t *TLS) All() []Certificate {
	var all []Certificate
	if t.CertFile != "" {
		all = append(all, Certificate{CertFile: t.CertFile, KeyFile: t.KeyFile})
	}
	return append(all, t.Certificates...)
}

func sameCertificates(a, b []Certificate) bool {
	return slices.EqualFunc(a, b, func(a, b Certificate) bool {
		a.at, b.at = "", ""
		return a == b
	})
}

// certificates checks the tables of several certificates.
func (c *checker) certificates() {
	for _, cert := range c.s.TLS.Certificates {
		complain := func(what, hint string) {
			c.problems = append(c.problems, &Error{Source: cert.at, Key: certificateKey, What: what, Hint: hint})
		}
		if cert.CertFile == "" {
			complain("has no cert_file", "name the certificate's file")
		}
		if cert.KeyFile == "" {
			complain("has no key_file", "name the file of its private key")
		}
		for _, name := range certificateFields {
			if strings.ContainsFunc(*cert.field(name), unicode.IsControl) {
				complain(name+" has a control character in it", "")
			}
		}
	}
}
