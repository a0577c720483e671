package config

import (
	"slices"

	"github.com/pelletier/go-toml/v2/unstable"
)

// tableList is a setting that is an array of tables with text fields. It has no flag and no
// variable.
type tableList struct {
	key    string
	fields []string
	begin  func(s *Settings, at string)            // adds a table that begins at the given position of a file
	last   func(s *Settings, field string) *string // a field of the last table; nil: no such field
}

// tableLists lists all arrays of tables.
var tableLists = []*tableList{
	{
		key:    certificateKey,
		fields: certificateFields,
		begin: func(s *Settings, at string) {
			s.TLS.Certificates = append(s.TLS.Certificates, Certificate{at: at})
		},
		last: func(s *Settings, field string) *string {
			return s.TLS.Certificates[len(s.TLS.Certificates)-1].field(field)
		},
	},
	{
		key:    controlKeyKey,
		fields: controlKeyFields,
		begin: func(s *Settings, at string) {
			s.Control.Keys = append(s.Control.Keys, ControlKey{at: at})
		},
		last: func(s *Settings, field string) *string {
			return s.Control.Keys[len(s.Control.Keys)-1].field(field)
		},
	},
}

func lookupTableList(key string) *tableList {
	for _, l := range tableLists {
		if l.key == key {
			return l
		}
	}
	return nil
}

// listTable adds a table to a list.
func (w *tomlWalk) listTable(l *tableList, n *unstable.Node) {
	if n.Kind != unstable.ArrayTable {
		w.skipTable = true
		w.broken[l.key] = true
		w.addNodeError(n, l.key, "is an array of tables", "write the name in double brackets, [["+l.key+"]]")
		return
	}
	w.skipTable = false
	l.begin(&w.settings, w.at(n))
}

// listValue sets a field of the last table.
func (w *tomlWalk) listValue(l *tableList, n *unstable.Node) {
	name := keyName(keyParts(n.Key()))
	full := l.key + "." + name
	field := l.last(&w.settings, name)
	switch value := n.Value(); {
	case field == nil:
		w.addNodeError(n, full, "there is no such setting", suggest(name, l.fields))
	case value.Kind != unstable.String:
		w.broken[l.key] = true
		w.addNodeError(n, full, "is "+tomlKind(value.Kind)+", but must be "+kindText(String), "")
	default:
		*field = string(value.Data)
	}
}

// certificateKey is a list of tables: [[tls.certificate]].
const certificateKey = "tls.certificate"

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

func sameCertificates(a, b []Certificate) bool {
	return slices.EqualFunc(a, b, func(a, b Certificate) bool {
		a.at, b.at = "", ""
		return a == b
	})
}

// controlKeyKey is a list of tables: [[control.key]].
const controlKeyKey = "control.key"

// controlKeyFields are the keys of a [[control.key]] table.
var controlKeyFields = []string{"id", "role", "file", "sha256"}

func (k *ControlKey) field(name string) *string {
	switch name {
	case "id":
		return &k.ID
	case "role":
		return &k.Role
	case "file":
		return &k.File
	case "sha256":
		return &k.SHA256
	}
	return nil
}

func sameControlKeys(a, b []ControlKey) bool {
	return slices.EqualFunc(a, b, func(a, b ControlKey) bool {
		a.at, b.at = "", ""
		return a == b
	})
}
