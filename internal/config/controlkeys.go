package config

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// controlKeyKey is a list of tables: [[control.key]].
const controlKeyKey = "control.key"

// ControlKey is a secret that gives a control connection a role.
type ControlKey struct {
	ID     string `toml:"id"`     // its name in logs
	Role   string `toml:"role"`   // read, publish, admin
	File   string `toml:"file"`   // holds the key; or else
	SHA256 string `toml:"sha256"` // of the key, in hexadecimal

	at string // where its table begins; empty unless it was read from a file
}

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

// maxKeyID is the longest name of a key, in bytes.
const maxKeyID = 64

// controlKeys checks the tables of keys.
func (c *checker) controlKeys() {
	seen := make(map[string]bool)
	for _, k := range c.s.Control.Keys {
		complain := func(hint, format string, args ...any) {
			c.problems = append(c.problems, &Error{Source: k.at, Key: controlKeyKey, What: fmt.Sprintf(format, args...), Hint: hint})
		}
		switch {
		case k.ID == "":
			complain("name it, as in id = \"shop\"", "has no id")
		case len(k.ID) > maxKeyID || !isPlainName(k.ID):
			complain("use letters, digits and - _ .", "the id %q is not a short plain name", k.ID)
		case seen[k.ID]:
			complain("", "the id %q is there twice", k.ID)
		}
		seen[k.ID] = true
		if roles := []string{"read", "publish", "admin"}; !slices.Contains(roles, k.Role) {
			complain(suggest(k.Role, roles), "the role %q is not one of %s", k.Role, strings.Join(roles, ", "))
		}
		switch sum, err := hex.DecodeString(k.SHA256); {
		case (k.File == "") == (k.SHA256 == ""):
			complain("name the file that holds the key, or give its SHA-256", "has not exactly one of file and sha256")
		case k.SHA256 != "" && (err != nil || len(sum) != 32):
			complain("as in: printf %s \"$key\" | sha256sum", "sha256 does not have 64 hexadecimal digits")
		case strings.ContainsFunc(k.File, unicode.IsControl):
			complain("", "file has a control character in it")
		}
	}
	if c.s.Control.TCPRole == "none" && len(c.s.Control.Keys) == 0 && c.s.Control.TCP != "" && c.s.Control.TLS.CertFile == "" {
		c.complain("control.tcp_role", "add a [[control.key]] table, or leave control.tcp out", "nobody could use the control port: it asks for a key, and there is none")
	}
}

func isPlainName(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}
