package main

import (
	"strings"

	"github.com/hassesd/hassesd/internal/config"
)

// filePage returns hassesd.toml(5).
func filePage(e edition) string {
	p := newPage("hassesd.toml", 5, e, "configuration of hassesd")
	p.title("DESCRIPTION")
	p.text("The file of hassesd --config, in TOML. A key that is left out keeps its default; one that does not exist, or has a value of another type, is an error, " +
		"and all errors are reported at once. 'hassesd check --config FILE' validates a file, and 'hassesd defaults' prints one with everything in it.")
	p.text("Sizes are bytes, or a text as in \"64KiB\"; durations are texts with a unit, as in \"15s\" or \"10m\". " +
		"Each key is a flag and an environment variable as well, which win over the file.")
	p.title("KEYS")
	table := ""
	for _, k := range config.Keys() {
		parent, name := "", k.Name
		if dot := strings.LastIndexByte(k.Name, '.'); dot >= 0 {
			parent, name = k.Name[:dot], k.Name[dot+1:]
		}
		if parent != table {
			table = parent
			p.subtitle("[" + table + "]")
		}
		what, _, _ := strings.Cut(k.Usage, " Example: ") // the example is written for a shell
		if k.Reloadable {
			what += " A reload takes a new value."
		} else {
			what += " A new value needs a restart."
		}
		p.entry(name, "("+k.Kind.String()+")", what)
	}
	p.subtitle("[[tls.certificate]]")
	p.text("One table for each further certificate, besides that of tls.cert_file: a client gets the one for the name that it asks for. A reload takes new ones.")
	p.entry("cert_file", "(string)", "As tls.cert_file.")
	p.entry("key_file", "(string)", "As tls.key_file.")
	p.entry("ocsp_file", "(string)", "An OCSP response for the certificate, in DER, that another program keeps up to date.")
	p.subtitle("[[control.key]]")
	p.text("One table for each key that gives a role to a control connection, and lets its holder publish over HTTP or read at api.listen. A reload takes new ones.")
	p.entry("id", "(string)", "The name of the key in logs: letters, digits, hyphens, underscores and dots.")
	p.entry("role", "(string)", "The role that the key gives: read, publish or admin.")
	p.entry("file", "(string)", "A file that contains only the key: 16 to 256 letters, digits and - _ . ~ + /. Only the daemon may be able to read it.")
	p.entry("sha256", "(string)", "Instead of file: the SHA-256 of the key, 64 hexadecimal digits.")
	p.title("EXAMPLE")
	p.code("listen = [\"https://:443\"]\n\n[auth]\nmode = \"none\"\n\n[tls]\ncert_file = \"/etc/hassesd/fullchain.pem\"\nkey_file = \"/etc/hassesd/privkey.pem\"\n\n" +
		"[cors]\norigins = [\"https://www.example.org\"]\n")
	p.see("hassesd(8)", "hassesctl(1)")
	return p.String()
}
