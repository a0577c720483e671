package config

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxSocketPath is the longest path that fits into sockaddr_un with its final NUL (unix(7)).
const maxSocketPath = 107

func (c *checker) control() {
	ctl := &c.s.Control
	c.controlTLS()
	c.controlNetworks()
	if ctl.TCP != "" {
		c.controlPort(ctl.TCP)
	}
	if len(ctl.Socket) > maxSocketPath {
		c.addError("control.socket", "", "the path is longer than %d bytes, the maximum for a Unix socket", maxSocketPath)
	}
	if ctl.FIFO != "" && ctl.FIFO == ctl.Socket {
		c.addError("control.fifo", "", "the pipe and the Unix socket cannot have the same path")
	}
	c.delimiter()
	switch mode, ok := unixMode(ctl.FIFOMode); {
	case !ok:
		c.addError("control.fifo_mode", "write it as in 0620", "%q is not an octal permission", ctl.FIFOMode)
	case mode&0o600 != 0o600:
		c.addError("control.fifo_mode", "use 0620, or 0600 for the owner alone", "%q would not let the daemon itself read and write", ctl.FIFOMode)
	}
	switch mode, ok := unixMode(ctl.UnixMode); {
	case !ok:
		c.addError("control.unix_mode", "write it as in 0660", "%q is not an octal permission", ctl.UnixMode)
	case mode&0o007 != 0 && len(ctl.UnixAdmins)+len(ctl.UnixPublishers)+len(ctl.UnixReaders) == 0:
		c.addError("control.unix_mode", "use 0660 and control.unix_group, or list who may do what in control.unix_admins, unix_publishers and unix_readers",
			"%q would let every user of this machine publish", ctl.UnixMode)
	}
}

func (c *checker) controlPort(addr string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || !isPort(port) {
		c.addError("control.tcp", "write it as in 127.0.0.1:8085", "%q is not an address with a port", addr)
		return
	}
	ip, err := netip.ParseAddr(host)
	if c.s.Control.TLS.CertFile != "" {
		if err != nil && host != "" && !isHostname(host) {
			c.addError("control.tcp", "leave the host out to listen on every address", "%q has no address or name for a host", addr)
		}
		return
	}
	if len(c.s.Control.TCPNetworks) > 0 {
		if err != nil && host != "" && !isHostname(host) {
			c.addError("control.tcp", "leave the host out to listen on every address", "%q has no address or name for a host", addr)
		}
		return
	}
	if host != "localhost" && (err != nil || !ip.IsLoopback()) {
		c.addError("control.tcp", "write 127.0.0.1:"+port+", or set control.tls.cert_file and what goes with it (docs/control-over-tls.md), or name the private networks that may reach it in control.tcp_networks",
			"%q is not on loopback: without TLS there is no authentication, so the whole network could publish", addr)
	}
}

// controlTLS checks that control.tls is complete or empty. The control protocol checks the names of
// certificates.
func (c *checker) controlTLS() {
	t := &c.s.Control.TLS
	files := []struct{ key, value string }{
		{"control.tls.cert_file", t.CertFile},
		{"control.tls.key_file", t.KeyFile},
		{"control.tls.client_ca_file", t.ClientCAFile},
	}
	roles := len(t.Admin) + len(t.Publish) + len(t.Read)
	isSet := roles > 0
	for _, f := range files {
		isSet = isSet || f.value != ""
	}
	if !isSet {
		return
	}
	for _, f := range files {
		if f.value == "" {
			c.addError(f.key, "see docs/control-over-tls.md; hassesctl pki makes the files", "is missing, although other settings of control.tls are set")
		}
	}
	if roles == 0 {
		c.addError("control.tls.admin", "name one there, or in control.tls.publish or control.tls.read", "no client certificate has a role, so nobody could use the control port")
	}
	if c.s.Control.TCP == "" {
		c.addError("control.tcp", "write it as in :8085", "is missing, although control.tls is set")
	}
}

func (c *checker) delimiter() {
	const hint = "use a punctuation character, as in ;"
	d := c.s.Control.Delimiter
	if len(d) != 1 {
		c.addError("control.delimiter", hint, "%q is not one ASCII character", d)
		return
	}
	b := d[0]
	switch {
	case b == '\n' || b == '\r':
		c.addError("control.delimiter", hint, "a line break ends a command anyway")
	case b < ' ' || b >= 0x7f:
		c.addError("control.delimiter", hint, "%q is not a printable character", d)
	case strings.IndexByte("{=-*", b) >= 0:
		c.addError("control.delimiter", hint, "%q has another meaning in commands", d)
	case b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z':
		c.addError("control.delimiter", hint, "%q is a letter or a digit: it would split every message", d)
	}
}

// unixPeers checks the lists of who may use the Unix socket, and for what.
func (c *checker) unixPeers() {
	ctl := &c.s.Control
	for _, list := range []struct {
		key   string
		peers []string
	}{
		{"control.unix_admins", ctl.UnixAdmins}, {"control.unix_publishers", ctl.UnixPublishers}, {"control.unix_readers", ctl.UnixReaders},
	} {
		for _, peer := range list.peers {
			if kind, name, _ := strings.Cut(peer, ":"); name == "" || kind != "user" && kind != "group" {
				c.addError(list.key, `write "user:www-data" or "group:web", by name or number`, "%q is neither a user nor a group", peer)
			}
		}
	}
}

// maxKeyID bounds the id of a key, in bytes.
const maxKeyID = 64

// controlKeys checks the [[control.key]] tables.
func (c *checker) controlKeys() {
	seen := make(map[string]bool)
	for _, k := range c.s.Control.Keys {
		addError := func(hint, format string, args ...any) {
			c.problems = append(c.problems, &Error{Source: k.at, Key: controlKeyKey, What: fmt.Sprintf(format, args...), Hint: hint})
		}
		switch {
		case k.ID == "":
			addError("add one, as in id = \"shop\"", "has no id")
		case len(k.ID) > maxKeyID || !isPlainName(k.ID):
			addError("use letters, digits and - _ .", "the id %q is longer than 64 bytes or has other characters", k.ID)
		case seen[k.ID]:
			addError("", "the id %q is used twice", k.ID)
		}
		seen[k.ID] = true
		if roles := []string{"read", "publish", "admin"}; !slices.Contains(roles, k.Role) {
			addError(suggest(k.Role, roles), "the role %q is not one of %s", k.Role, strings.Join(roles, ", "))
		}
		switch sum, err := hex.DecodeString(k.SHA256); {
		case (k.File == "") == (k.SHA256 == ""):
			addError("name the file that holds the key, or give its SHA-256", "must have either file or sha256")
		case k.SHA256 != "" && (err != nil || len(sum) != 32):
			addError("as in: printf %s \"$key\" | sha256sum", "sha256 does not have 64 hexadecimal digits")
		case strings.ContainsFunc(k.File, unicode.IsControl):
			addError("", "file contains a control character")
		}
	}
	if c.s.Control.TCPRole == "none" && len(c.s.Control.Keys) == 0 && c.s.Control.TCP != "" && c.s.Control.TLS.CertFile == "" {
		c.addError("control.tcp_role", "add a [[control.key]] table, or leave control.tcp out", "nobody could use the control port: it requires a key, and there is none")
	}
}

func isPlainName(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// unixMode reads octal permissions.
func unixMode(text string) (uint32, bool) {
	if len(text) < 3 || len(text) > 4 {
		return 0, false
	}
	mode, err := strconv.ParseUint(text, 8, 32)
	return uint32(mode), err == nil && mode <= 0o777
}

// FIFOPermissions returns control.fifo_mode as a number. The settings must come from [Load].
func (c *Control) FIFOPermissions() uint32 {
	mode, ok := unixMode(c.FIFOMode)
	if !ok {
		panic("config: internal error: control.fifo_mode was not validated")
	}
	return mode
}

// UnixPermissions returns control.unix_mode as a number. The settings must come from [Load].
func (c *Control) UnixPermissions() uint32 {
	mode, ok := unixMode(c.UnixMode)
	if !ok {
		panic("config: internal error: control.unix_mode was not validated")
	}
	return mode
}
