package config

import (
	"net/netip"
	"slices"
)

// maxControlNetworks bounds control.tcp_networks, because each accepted connection is compared with
// all of it.
const maxControlNetworks = 64

// privateNetworks are the networks that no router of the internet forwards: private use (RFC 1918,
// RFC 4193), shared address space (RFC 6598), link-local (RFC 3927, RFC 4291) and loopback.
var privateNetworks = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("fc00::/7"),
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("::1/128"),
}

// isPrivate reports whether all addresses of the network are within one of privateNetworks.
func isPrivate(network netip.Prefix) bool {
	return slices.ContainsFunc(privateNetworks, func(p netip.Prefix) bool {
		return p.Bits() <= network.Bits() && p.Contains(network.Addr())
	})
}

// Networks returns control.tcp_networks. The settings must come from [Load].
func (c *Control) Networks() []netip.Prefix {
	var networks []netip.Prefix
	for _, text := range c.TCPNetworks {
		p, err := parseNetwork(text)
		if err != nil {
			panic("config: internal error: control.tcp_networks was not validated: " + err.Error())
		}
		networks = append(networks, p)
	}
	return networks
}

// IsOpenToNetworks reports whether control.tcp_networks lets other machines reach the plain control
// port. The settings must come from [Load].
func (c *Control) IsOpenToNetworks() bool {
	return c.TCP != "" && slices.ContainsFunc(c.Networks(), func(p netip.Prefix) bool { return !p.Addr().IsLoopback() })
}

func (c *checker) controlNetworks() {
	const key = "control.tcp_networks"
	ctl := &c.s.Control
	if len(ctl.TCPNetworks) == 0 {
		return
	}
	switch {
	case ctl.TLS.CertFile != "":
		c.addError(key, "remove it, or control.tls", "is for the port without TLS; with control.tls, certificates decide who may come in")
	case ctl.TCP == "":
		c.addError("control.tcp", "write it as in :8085", "is missing, although control.tcp_networks is set")
	}
	if len(ctl.TCPNetworks) > maxControlNetworks {
		c.addError(key, "combine small networks into larger ones", "there are %d networks, more than the %d allowed", len(ctl.TCPNetworks), maxControlNetworks)
	}
	for _, text := range ctl.TCPNetworks {
		network, err := parseNetwork(text)
		switch {
		case err != nil:
			c.addError(key, err.hint, "%s", err.what)
		case !isPrivate(network):
			c.addError(key, "name private networks only, as in 172.16.0.0/12, and use control.tls for all others (docs/control-over-tls.md)",
				"%q is not within a private network: every host with an address in it could publish, and what it sends could be read on the way", text)
		}
	}
}
