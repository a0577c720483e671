package config

import (
	"net/netip"
	"slices"
	"strings"
)

// trustedUnix in proxy.trusted stands for every peer on a Unix socket.
const trustedUnix = "unix"

// maxTrusted bounds proxy.trusted, because each accepted connection is compared with all of it. The
// published networks of large content delivery networks fit.
const maxTrusted = 256

// proxyHeaders are the request headers in which proxies name their clients.
var proxyHeaders = []string{"X-Forwarded-For", "Forwarded"}

// TrustedNetworks returns the networks in proxy.trusted, and whether Unix sockets are trusted too.
// The settings must come from [Load].
func (p *Proxy) TrustedNetworks() (networks []netip.Prefix, unix bool) {
	for _, text := range p.Trusted {
		if text == trustedUnix {
			unix = true
			continue
		}
		n, err := parseNetwork(text)
		if err != nil {
			panic("config: internal error: proxy.trusted was not validated: " + err.Error())
		}
		networks = append(networks, n)
	}
	return networks, unix
}

// UnixPermissions returns proxy.unix_mode as a number. The settings must come from [Load].
func (p *Proxy) UnixPermissions() uint32 {
	mode, ok := unixMode(p.UnixMode)
	if !ok {
		panic("config: internal error: proxy.unix_mode was not validated")
	}
	return mode
}

func (c *checker) proxy() {
	p := &c.s.Proxy
	if len(p.Trusted) > maxTrusted {
		c.addError("proxy.trusted", "combine small networks into larger ones", "there are %d networks, more than the %d allowed", len(p.Trusted), maxTrusted)
	}
	for _, text := range p.Trusted {
		if text == trustedUnix {
			continue
		}
		if n, err := parseNetwork(text); err != nil {
			c.addError("proxy.trusted", err.hint+`, or "unix"`, "%s", err.what)
		} else if n.Bits() == 0 {
			c.addError("proxy.trusted", "list the addresses of your proxies", "%q covers every address: any client could then pretend to be another", text)
		}
	}
	if p.Header != "" && !slices.ContainsFunc(proxyHeaders, func(name string) bool { return strings.EqualFold(name, p.Header) }) {
		c.addError("proxy.header", suggest(p.Header, proxyHeaders), "%q is not one of %s", p.Header, strings.Join(proxyHeaders, ", "))
	}
	if mode, ok := unixMode(p.UnixMode); !ok || mode&0o600 != 0o600 {
		c.addError("proxy.unix_mode", "write it as in 0660", "%q is not an octal permission with which the daemon itself can connect", p.UnixMode)
	}
	if len(p.Trusted) > 0 {
		return
	}
	const hint = "list your proxies in proxy.trusted"
	if p.Protocol {
		c.addError("proxy.protocol", hint, "is set, and nobody is trusted to send a PROXY header")
	}
	if p.Header != "" {
		c.addError("proxy.header", hint, "is set, and nobody is trusted to send %s", p.Header)
	}
}
