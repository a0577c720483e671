package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// Listener is one address of the key listen.
type Listener struct {
	TLS  bool
	Addr string // host:port as for net.SplitHostPort; an empty host means all addresses of both families
	Unix string // path of a Unix socket, instead
}

// Listeners returns the addresses of the key listen. The settings must come from [Load].
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
	if path, isUnix := strings.CutPrefix(text, unixScheme); isUnix {
		return parseUnixListener(path)
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return Listener{}, &valueError{fmt.Sprintf("%q is not an https://, http:// or unix: address", text), hint}
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

func parseUnixListener(path string) (Listener, *valueError) {
	const hint = "write it as in unix:/run/hassesd/http.sock"
	switch {
	case !filepath.IsAbs(path) || filepath.Clean(path) != path || path == "/":
		return Listener{}, &valueError{fmt.Sprintf("%q is not the path of a socket from / on", path), hint}
	case len(path) > maxSocketPath:
		return Listener{}, &valueError{fmt.Sprintf("%q is longer than %d bytes, the maximum for a Unix socket", path, maxSocketPath), hint}
	}
	return Listener{Unix: path}, nil
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
		c.addError("listen", "write it as in https://:8443", "no address to listen on is set")
	}
	var good []Listener
	for _, text := range c.s.Listen {
		l, err := parseListener(text)
		if err != nil {
			c.addError("listen", err.hint, "%s", err.what)
			continue
		}
		switch {
		case l.Unix == "":
		case l.Unix == c.s.Control.Socket || l.Unix == c.s.Control.FIFO:
			c.addError("listen", "choose another path", "%q is for the control protocol", text)
		case l.Unix == c.s.API.UnixPath():
			c.addError("listen", "choose another path", "%q is for operators (api.listen)", text)
		}
		if !l.TLS && l.Unix == "" && !c.s.Plaintext {
			c.addError("listen", "use https://, or add --plaintext behind a proxy on the same machine", "%q is not encrypted", text)
		}
		for i, other := range good {
			if l.overlaps(other) {
				what := "port"
				if l.Unix != "" {
					what = "socket"
				}
				c.addError("listen", "", "%q and %q are the same %s", c.s.Listen[i], text, what)
				break
			}
		}
		good = append(good, l)
	}
}

// overlaps reports whether two listeners cannot be opened at the same time.
func (l Listener) overlaps(other Listener) bool {
	if l.Unix != "" || other.Unix != "" {
		return l.Unix == other.Unix
	}
	return overlap(l.Addr, other.Addr)
}

// overlap reports whether two addresses cannot be bound at the same time. Port 0 never overlaps.
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

// wantsTLS reports whether there is an https:// address for anyone.
func (c *checker) wantsTLS() bool { return c.browsersUseTLS() || c.s.API.IsTLS() }

func (c *checker) browsersUseTLS() bool {
	for _, text := range c.s.Listen {
		if l, err := parseListener(text); err == nil && l.TLS {
			return true
		}
	}
	return false
}
