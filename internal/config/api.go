package config

import (
	"net"
	"net/netip"
	"path/filepath"
	"strings"
)

// unixScheme begins an address that is a Unix socket.
const unixScheme = "unix:"

// UnixPath returns the path of the Unix socket that api.listen names, or "" if it names none.
func (a *API) UnixPath() string {
	if path, ok := strings.CutPrefix(a.Listen, unixScheme); ok {
		return path
	}
	return ""
}

// IsTLS reports whether api.listen is an https:// address.
func (a *API) IsTLS() bool { return strings.HasPrefix(a.Listen, "https://") }

// Address returns the TCP address of api.listen; ok is false if it is empty or a Unix socket. The
// settings must come from [Load].
func (a *API) Address() (l Listener, ok bool) {
	if a.Listen == "" || a.UnixPath() != "" {
		return Listener{}, false
	}
	l, err := parseListener(a.Listen)
	if err != nil {
		panic("config: internal error: api.listen was not validated: " + err.Error())
	}
	return l, true
}

// IsLoopback reports whether only this machine can connect to the address.
func (l Listener) IsLoopback() bool {
	host, _, err := net.SplitHostPort(l.Addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// api checks the table [api].
func (c *checker) api() {
	a := &c.s.API
	switch {
	case a.Listen == "" && a.Pprof:
		c.addError("api.pprof", "set api.listen, or leave api.pprof out", "profiles are served at api.listen, which is not set")
		return
	case a.Listen == "":
		return
	case strings.HasPrefix(a.Listen, unixScheme):
		c.apiSocket(a.UnixPath())
		return
	}
	l, err := parseListener(a.Listen)
	if err != nil {
		hint := err.hint
		if !strings.Contains(a.Listen, "://") {
			hint = "write it as in http://127.0.0.1:8444, https://:8444 or unix:/run/hassesd/api.sock"
		}
		c.addError("api.listen", hint, "%s", err.what)
		return
	}
	switch {
	case l.IsLoopback():
	case !l.TLS:
		_, port, _ := net.SplitHostPort(l.Addr)
		c.addError("api.listen", "write http://127.0.0.1:"+port+", or https://, which uses the certificates of browsers and requires keys",
			"%q is not on loopback and not encrypted: the whole network could read keys and figures", a.Listen)
	case len(c.s.Control.Keys) == 0:
		c.addError("api.listen", "add a [[control.key]] table with the role read", "%q is not on loopback, so it requires a key, and there is none", a.Listen)
	}
	if l.TLS && len(c.s.TLS.All()) == 0 && len(c.s.ACME.Hosts) > 0 && !c.browsersUseTLS() {
		c.addError("api.listen", "set tls.cert_file and tls.key_file, or use http://127.0.0.1", "the authority checks hosts at https:// listeners, and listen has none, so there would be no certificate")
	}
	if c.s.IsFromDevelopment("api.listen") {
		return // a start goes on without it
	}
	for i, text := range c.s.Listen {
		if other, err := parseListener(text); err == nil && overlap(l.Addr, other.Addr) {
			c.addError("api.listen", "choose another port", "%q and listen %q are the same port", a.Listen, c.s.Listen[i])
		}
	}
	if c.s.Control.TCP != "" && overlap(l.Addr, c.s.Control.TCP) {
		c.addError("api.listen", "choose another port", "%q and control.tcp %q are the same port", a.Listen, c.s.Control.TCP)
	}
}

func (c *checker) apiSocket(path string) {
	switch {
	case !filepath.IsAbs(path) || strings.HasSuffix(path, "/"):
		c.addError("api.listen", "write it as in unix:/run/hassesd/api.sock", "%q is not an absolute path of a socket", path)
	case len(path) > maxSocketPath:
		c.addError("api.listen", "", "the path is longer than %d bytes, the maximum for a Unix socket", maxSocketPath)
	case path == c.s.Control.Socket:
		c.addError("api.listen", "choose another path", "the control socket has the same path")
	case path == c.s.Control.FIFO:
		c.addError("api.listen", "choose another path", "the pipe control.fifo has the same path")
	}
}

// healthPath checks health_path, which must not hide a stream or a page.
func (c *checker) healthPath() {
	p := c.s.HealthPath
	switch {
	case p == "":
	case !strings.HasPrefix(p, "/"):
		c.addError("health_path", "write it as in /healthz", "%q does not begin with a slash", p)
	case strings.ContainsFunc(p, isEncodedInPath):
		c.addError("health_path", "use letters, digits and / - _ . ~", "%q has a character that must be encoded in a path", p)
	case p == c.s.Path:
		c.addError("health_path", "choose another path, as in /healthz", "streams are at %q", p)
	case p == "/" && c.s.Demo:
		c.addError("health_path", "choose another path, as in /healthz, or leave demo out", "the demo page is at /")
	}
}
