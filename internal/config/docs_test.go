package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const (
	docPath  = "../../docs/configuration.md"
	docBegin = "<!-- the tables are written by go test ./internal/config -update -->\n"
	docEnd   = "<!-- end of the tables -->\n"
)

// TestDocumentationHasEveryKey keeps the tables of docs/configuration.md equal to the registry.
func TestDocumentationHasEveryKey(t *testing.T) {
	text, err := os.ReadFile(docPath)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), docBegin)
	_, tail, ok2 := strings.Cut(rest, docEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has lost the lines that enclose the tables", docPath)
	}
	compareGolden(t, docPath, head+docBegin+"\n"+docTables()+"\n"+docEnd+tail)
}

func docTables() string {
	var b strings.Builder
	table := "-"
	for _, k := range Keys() {
		if next := tableOf(k.Name); next != table {
			switch table {
			case "tls":
				b.WriteString(certificateDocs)
			case "control":
				b.WriteString(controlKeyDocs)
			}
			table = next
			title := "`[" + table + "]`"
			if table == "" {
				title = "At the top of the file"
			}
			fmt.Fprintf(&b, "### %s\n\n| Key | Kind | Default | Reload | Description |\n|---|---|---|---|---|\n", title)
		}
		reload := "restart"
		if k.Reloadable {
			reload = "yes"
		}
		value := "none"
		if mustLookup(k.Name).words {
			value = "nothing"
		}
		if k.Default != "" {
			value = "`" + k.Default + "`"
		}
		usage := mustLookup(k.Name).usage
		for _, a := range k.Aliases {
			usage += " Also `--" + a + "`."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", k.Name, k.Kind, value, reload, strings.ReplaceAll(usage, "|", `\|`))
	}
	b.WriteString("\n### Flags of hasses\n\n| Flag | Sets | Description |\n|---|---|---|\n")
	for _, o := range OldFlags() {
		name, sets := "-"+o.Name, "nothing"
		if !o.Bool {
			name += "=…"
		}
		if o.Key != "" {
			sets = "`" + o.Key + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, sets, o.Usage)
	}
	return spaceBeforeTitles(b.String())
}

const certificateDocs = `### ` + "`[[tls.certificate]]`" + `

One table for each further certificate, in the configuration file only. The first certificate, which is that of ` + "`tls.cert_file`" + ` if it is
set, is the default for host names that none of them covers. See [certificates](certificates.md).

| Key | Kind | Default | Reload | Description |
|---|---|---|---|---|
| ` + "`cert_file`" + ` | string | none | yes | As ` + "`tls.cert_file`" + `. |
| ` + "`key_file`" + ` | string | none | yes | As ` + "`tls.key_file`" + `. |
| ` + "`ocsp_file`" + ` | string | none | yes | File with an OCSP response for the certificate, in DER, that another program keeps fresh. Clients that ask for one get it until it expires. |
`

const controlKeyDocs = `### ` + "`[[control.key]]`" + `

One table for each key, in the configuration file only. A control connection that sends the key gets its role. Over HTTP, the key [publishes](publishing.md) and reads at [api.listen](monitoring.md). See [the control protocol](control-protocol.md#keys).

| Key | Kind | Default | Reload | Description |
|---|---|---|---|---|
| ` + "`id`" + ` | string | none | yes | Name of the key in logs: letters, digits and ` + "`- _ .`" + `. |
| ` + "`role`" + ` | string | none | yes | Role that the key gives: ` + "`read`, `publish` or `admin`" + `. |
| ` + "`file`" + ` | string | none | yes | File that contains only the key: 16 to 256 letters, digits and ` + "`- _ . ~ + /`" + `, for example from ` + "`openssl rand -hex 32`" + `. Only the daemon may be able to read it. Read again on every reload. |
| ` + "`sha256`" + ` | string | none | yes | Instead of ` + "`file`" + `: the SHA-256 of the key, 64 hexadecimal digits. |
`

// spaceBeforeTitles puts an empty line between a table and the next title.
func spaceBeforeTitles(text string) string {
	return strings.ReplaceAll(text, "|\n### ", "|\n\n### ")
}

func tableOf(key string) string {
	table, _ := splitKey(key)
	return table
}
