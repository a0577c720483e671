package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxSocketPath is what fits sockaddr_un with its closing NUL (unix(7)).
const maxSocketPath = 107

// Listener is one address of the key listen.
type Listener struct {
	TLS  bool
	Addr string // host:port as net.SplitHostPort takes it; an empty host is every address of both families
}

// Listeners returns the addresses of the key listen. The settings have passed [Load].
func (s *Settings) Listeners() []Listener {
	listeners := make([]Listener, 0, len(s.Listen))
	for _, text := range s.Listen {
		l, err := parseListener(text)
		if err != nil {
			panic("config: internal error: listen was not validated: " + err.Error())
		}
		listeners = append(listeners, l)
	}
	return listeners
}

func parseListener(text string) (Listener, *valueError) {
	const hint = "write it as in https://:8443 or https://127.0.0.1:8443"
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return Listener{}, &valueError{fmt.Sprintf("%q is not an https:// or http:// address", text), hint}
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil || u.Opaque != "" {
		return Listener{}, &valueError{fmt.Sprintf("%q has more than a host and a port", text), "the path is a setting of its own: path"}
	}
	if u.Port() == "" {
		return Listener{}, &valueError{fmt.Sprintf("%q has no port", text), hint}
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return Listener{}, &valueError{fmt.Sprintf("%q has no port between 0 and 65535", text), hint}
	}
	host := u.Hostname()
	if _, err := netip.ParseAddr(host); err != nil && host != "" && !isHostname(host) {
		return Listener{}, &valueError{fmt.Sprintf("%q has no address or name for a host", text), "leave the host out to listen on every address"}
	}
	return Listener{TLS: u.Scheme == "https", Addr: net.JoinHostPort(host, strconv.FormatUint(port, 10))}, nil
}

func isPort(text string) bool {
	_, err := strconv.ParseUint(text, 10, 16)
	return err == nil
}

func isHostname(host string) bool {
	return len(host) <= 253 && !strings.ContainsFunc(host, func(r rune) bool {
		return r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

func (c *checker) listeners() {
	if len(c.s.Listen) == 0 {
		c.complain("listen", "write it as in https://:8443", "there is no address to listen on")
	}
	var good []Listener
	for _, text := range c.s.Listen {
		l, err := parseListener(text)
		if err != nil {
			c.complain("listen", err.hint, "%s", err.what)
			continue
		}
		if !l.TLS && !c.s.Plaintext {
			c.complain("listen", "use https://, or add --plaintext if nobody can listen in on the way", "%q is not encrypted", text)
		}
		for i, other := range good {
			if overlap(l.Addr, other.Addr) {
				c.complain("listen", "", "%q and %q are the same port", c.s.Listen[i], text)
				break
			}
		}
		good = append(good, l)
	}
}

// overlap reports whether two addresses cannot be bound at the same time. Port 0 is a new one each time.
func overlap(a, b string) bool {
	aHost, aPort, _ := net.SplitHostPort(a)
	bHost, bPort, _ := net.SplitHostPort(b)
	if aPort != bPort || aPort == "0" {
		return false
	}
	if aHost == bHost || aHost == "" || bHost == "" {
		return true
	}
	aIP, aErr := netip.ParseAddr(aHost)
	bIP, bErr := netip.ParseAddr(bHost)
	if aErr != nil || bErr != nil {
		return false
	}
	return aIP == bIP || aIP.Is4() == bIP.Is4() && (aIP.IsUnspecified() || bIP.IsUnspecified())
}

func (c *checker) certificate() {
	t := &c.s.TLS
	switch {
	case t.CertFile != "" && t.KeyFile == "":
		c.complain("tls.key_file", "add --key-file", "there is a certificate, but no private key")
	case t.CertFile == "" && t.KeyFile != "":
		c.complain("tls.cert_file", "add --cert-file", "there is a private key, but no certificate")
	case len(t.All()) == 0 && !c.s.Dev && len(c.s.ACME.Hosts) == 0 && c.wantsTLS():
		c.complain("tls.cert_file",
			"say --dev on a laptop, --cert-file and --key-file or --acme-host on a server, or --plaintext with --listen http://HOST:PORT behind a proxy",
			"an https:// listener needs a certificate")
	}
}

func (c *checker) wantsTLS() bool {
	for _, text := range c.s.Listen {
		if l, err := parseListener(text); err == nil && l.TLS {
			return true
		}
	}
	return false
}

func (c *checker) control() {
	ctl := &c.s.Control
	c.controlTLS()
	if ctl.TCP != "" {
		c.controlPort(ctl.TCP)
	}
	if len(ctl.Socket) > maxSocketPath {
		c.complain("control.socket", "", "the path is longer than %d bytes, which is all a Unix socket can have", maxSocketPath)
	}
	if ctl.FIFO != "" && ctl.FIFO == ctl.Socket {
		c.complain("control.fifo", "", "the pipe and the Unix socket cannot have the same path")
	}
	c.delimiter()
	switch mode, ok := unixMode(ctl.FIFOMode); {
	case !ok:
		c.complain("control.fifo_mode", "write it as in 0620", "%q is not a permission in octal", ctl.FIFOMode)
	case mode&0o600 != 0o600:
		c.complain("control.fifo_mode", "use 0620, or 0600 for the owner alone", "%q would keep the daemon itself from reading and writing", ctl.FIFOMode)
	}
	switch mode, ok := unixMode(ctl.UnixMode); {
	case !ok:
		c.complain("control.unix_mode", "write it as in 0660", "%q is not a permission in octal", ctl.UnixMode)
	case mode&0o007 != 0 && len(ctl.UnixAdmins)+len(ctl.UnixPublishers)+len(ctl.UnixReaders) == 0:
		c.complain("control.unix_mode", "use 0660 and control.unix_group, or list who may do what in control.unix_admins, unix_publishers and unix_readers",
			"%q would let every user of this machine publish", ctl.UnixMode)
	}
}

func (c *checker) controlPort(addr string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || !isPort(port) {
		c.complain("control.tcp", "write it as in 127.0.0.1:8085", "%q is not an address with a port", addr)
		return
	}
	ip, err := netip.ParseAddr(host)
	if c.s.Control.TLS.CertFile != "" {
		if err != nil && host != "" && !isHostname(host) {
			c.complain("control.tcp", "leave the host out to listen on every address", "%q has no address or name for a host", addr)
		}
		return
	}
	if host != "localhost" && (err != nil || !ip.IsLoopback()) {
		c.complain("control.tcp", "write 127.0.0.1:"+port+", or set control.tls.cert_file and what goes with it (docs/control-over-tls.md)",
			"%q is not on loopback: without TLS nobody is asked who they are there, so the whole network could publish", addr)
	}
}

// controlTLS checks that all of control.tls is there or nothing. What a certificate can be named by is the control
// protocol's own affair.
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
			c.complain(f.key, "see docs/control-over-tls.md; hassesctl pki makes the files", "is missing, while other settings of control.tls are there")
		}
	}
	if roles == 0 {
		c.complain("control.tls.admin", "name one there, or in control.tls.publish or control.tls.read", "no client certificate has a role, so nobody could use the control port")
	}
	if c.s.Control.TCP == "" {
		c.complain("control.tcp", "write it as in :8085", "is missing, while control.tls is there for it")
	}
}

func (c *checker) delimiter() {
	const hint = "use a punctuation character, as in ;"
	d := c.s.Control.Delimiter
	if len(d) != 1 {
		c.complain("control.delimiter", hint, "%q is not one character of ASCII", d)
		return
	}
	b := d[0]
	switch {
	case b == '\n' || b == '\r':
		c.complain("control.delimiter", hint, "a line break ends a command as it is")
	case b < ' ' || b >= 0x7f:
		c.complain("control.delimiter", hint, "%q is not a character that can be seen", d)
	case strings.IndexByte("{=-*", b) >= 0:
		c.complain("control.delimiter", hint, "%q has a meaning of its own in commands", d)
	case b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z':
		c.complain("control.delimiter", hint, "%q is a letter or a digit: it would cut every message", d)
	}
}
