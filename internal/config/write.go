package config

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// commentWidth is the length at which comment lines wrap.
const commentWidth = 100

// WriteDefaults writes a configuration file with every key, its default and its documentation.
// Reading it back gives [Defaults].
func WriteDefaults(w io.Writer) error {
	var b strings.Builder
	wrapComment(&b, "The configuration of hassesd, with every setting at its default. Settings that you leave out keep their defaults. "+
		"Each setting is also a flag and an environment variable, which override this file: history.bytes is --history-bytes and HASSESD_HISTORY_BYTES. "+
		"Sizes are in bytes, or with a unit (64KiB, 1MiB); durations have a unit (15s, 10m). SIGHUP applies settings marked [reload]; others need a restart.")
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

// writeCertificates documents the tables of further certificates. By default there are none.
func writeCertificates(b *strings.Builder) {
	b.WriteByte('\n')
	wrapComment(b, "Further certificates, one table each, for other host names or with another type of key. A client gets the certificate for the host name it asks for, "+
		"ECDSA rather than RSA if it supports both. The first certificate is the default for all other names. ocsp_file, a fresh OCSP response in DER, is optional. [reload]")
	b.WriteString("#\n# [[tls.certificate]]\n# cert_file = \"/etc/hassesd/example.org/fullchain.pem\"\n# key_file = \"/etc/hassesd/example.org/privkey.pem\"\n# ocsp_file = \"/etc/hassesd/example.org/ocsp.der\"\n")
}

// writeControlKeys documents the tables of control keys. By default there are none.
func writeControlKeys(b *strings.Builder) {
	b.WriteByte('\n')
	wrapComment(b, "Keys for control connections, for publishing over HTTP and for api.listen, one table each. A connection that sends the key (auth KEY) gets the role. The file contains only the key, "+
		"for example from openssl rand -hex 32, and only the daemon may be able to read it. Instead of file, sha256 may give the SHA-256 of the key in hexadecimal. [reload]")
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

// tomlExample returns an entry's example, which is quoted for a shell, as TOML.
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

// tomlValue returns a field in the form that readTOML reads. Defaults are plain ASCII, for which
// Go's quoting is valid TOML.
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
