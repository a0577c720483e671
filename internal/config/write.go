package config

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// commentWidth is where comment lines are wrapped.
const commentWidth = 100

// WriteDefaults writes a configuration file in which each key stands with its default and its
// documentation. Read back it gives [Defaults].
func WriteDefaults(w io.Writer) error {
	var b strings.Builder
	wrapComment(&b, "The configuration of hassesd, with every setting at its default. What is left out keeps its default. "+
		"Each setting is also a flag and an environment variable, which win over this file: history.bytes is --history-bytes and HASSESD_HISTORY_BYTES. "+
		"Sizes are bytes or 64KiB, 1MiB; durations have a unit, as in 15s, 10m. Settings marked [reload] are taken over by SIGHUP; others need a restart.")
	defaults := Defaults()
	table := ""
	for i := range registry {
		e := &registry[i]
		parent, name := splitKey(e.name)
		if parent != table {
			switch table {
			case "tls":
				writeCertificates(&b)
			case "control":
				writeControlKeys(&b)
			}
			table = parent
			fmt.Fprintf(&b, "\n[%s]\n", table)
		}
		b.WriteByte('\n')
		usage := e.usage
		if e.example != "" {
			usage += " Example: " + name + " = " + tomlExample(e)
		}
		if e.reloadable {
			usage += " [reload]"
		}
		wrapComment(&b, usage)
		fmt.Fprintf(&b, "%s = %s\n", name, tomlValue(e.kind(), e.field(&defaults)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeCertificates explains the tables of several certificates, of which there are none by default.
func writeCertificates(b *strings.Builder) {
	b.WriteByte('\n')
	wrapComment(b, "More certificates, one table each, for other names or with another kind of key: a client gets the one for the name it asks for, "+
		"ECDSA before RSA if it takes both. The first of all is for every other name. ocsp_file, a fresh OCSP answer in DER, may be left out. [reload]")
	b.WriteString("#\n# [[tls.certificate]]\n# cert_file = \"/etc/hassesd/example.org/fullchain.pem\"\n# key_file = \"/etc/hassesd/example.org/privkey.pem\"\n# ocsp_file = \"/etc/hassesd/example.org/ocsp.der\"\n")
}

// writeControlKeys explains the tables of keys, of which there are none by default.
func writeControlKeys(b *strings.Builder) {
	b.WriteByte('\n')
	wrapComment(b, "Keys that give a control connection a role when it sends one (auth KEY), one table each. The file holds the key alone, "+
		"as openssl rand -hex 32 makes it, and only the daemon may read it; sha256, the key's SHA-256 in hexadecimal, can be there instead. [reload]")
	b.WriteString("#\n# [[control.key]]\n# id = \"shop\"\n# role = \"publish\"\n# file = \"/etc/hassesd/shop.key\"\n")
}

func wrapComment(b *strings.Builder, text string) {
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > commentWidth {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}

// tomlExample writes a row's example, which is spelled for a shell, for the file.
func tomlExample(e *entry) string {
	text := strings.Trim(e.example, "'")
	switch e.kind() {
	case List:
		return "[" + strconv.Quote(text) + "]"
	case Bool, Int:
		return text
	case String, Size, Duration:
		return strconv.Quote(text)
	}
	panic("config: internal error: no example for " + e.name)
}

// tomlValue writes a field as readTOML reads it. Defaults are plain ASCII, for which Go's quoting is TOML's.
func tomlValue(kind Kind, field any) string {
	text := formatValue(kind, field)
	switch kind {
	case Bool, Int:
		return text
	case String, Duration:
		return strconv.Quote(text)
	case Size:
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return text
		}
		return strconv.Quote(text)
	case List:
		items := make([]string, 0)
		for _, item := range *field.(*[]string) {
			items = append(items, strconv.Quote(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	panic("config: internal error: no TOML for kind " + kind.String())
}
