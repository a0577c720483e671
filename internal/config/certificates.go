package config

import (
	"slices"
	"strings"
	"unicode"

	"github.com/pelletier/go-toml/v2/unstable"
)

// certificateKey is the one setting that is a list of tables: [[tls.certificate]]. It has neither flag nor variable.
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

// certificateTable begins another [[tls.certificate]].
func (w *tomlWalk) certificateTable(n *unstable.Node) {
	if n.Kind != unstable.ArrayTable {
		w.skip = true
		w.broken[certificateKey] = true
		w.complain(n, certificateKey, "is an array of tables", "write the name in double brackets, [["+certificateKey+"]]")
		return
	}
	w.skip = false
	list := &w.settings.TLS.Certificates
	*list = append(*list, Certificate{at: w.at(n)})
}

// certificateValue sets one key of the table begun last.
func (w *tomlWalk) certificateValue(n *unstable.Node) {
	name := keyName(keyParts(n.Key()))
	full := certificateKey + "." + name
	list := w.settings.TLS.Certificates
	field := list[len(list)-1].field(name)
	switch value := n.Value(); {
	case field == nil:
		w.complain(n, full, "there is no such setting", suggest(name, certificateFields))
	case value.Kind != unstable.String:
		w.broken[certificateKey] = true
		w.complain(n, full, "is "+tomlKind(value.Kind)+", but must be "+wanted(String), "")
	default:
		*field = string(value.Data)
	}
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
