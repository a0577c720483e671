package config

import (
	"fmt"
	"net/netip"
	"slices"
)

// Words in limits.exempt that are not networks.
const (
	exemptAuto = "auto" // this machine, for limits that have their default values
	exemptNone = "none"
)

// maxExempt bounds limits.exempt, because each accepted connection is compared with all of it.
const maxExempt = 64

// ExemptNetworks returns the networks in limits.exempt. The settings must come from [Load].
func (l *Limits) ExemptNetworks() []netip.Prefix {
	var networks []netip.Prefix
	for _, text := range l.Exempt {
		if text == exemptAuto || text == exemptNone {
			continue
		}
		p, err := parseNetwork(text)
		if err != nil {
			panic("config: internal error: limits.exempt was not validated: " + err.Error())
		}
		networks = append(networks, p)
	}
	return networks
}

// ExemptsLoopback reports whether the limit with this key does not apply to this machine's own
// addresses: "auto" is in limits.exempt, and the limit has its default value.
func (s *Settings) ExemptsLoopback(key string) bool {
	return slices.Contains(s.Limits.Exempt, exemptAuto) && s.IsDefault(key)
}

// parseNetwork reads a network in CIDR form, or one address.
func parseNetwork(text string) (netip.Prefix, *valueError) {
	const hint = "write it as in 10.0.0.0/8 or 2001:db8::/32"
	p, err := netip.ParsePrefix(text)
	if err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, &valueError{fmt.Sprintf("%q is not a network", text), hint}
		}
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	switch {
	case p.Addr().Is4In6():
		return netip.Prefix{}, &valueError{fmt.Sprintf("%q is an IPv4 network in IPv6 form", text), hint}
	case p != p.Masked():
		return netip.Prefix{}, &valueError{fmt.Sprintf("%q has bits behind its mask", text), "write " + p.Masked().String()}
	}
	return p, nil
}

func (c *checker) exempt() {
	const key = "limits.exempt"
	list := c.s.Limits.Exempt
	if len(list) > maxExempt {
		c.addError(key, "combine small networks into larger ones", "there are %d networks, more than the %d allowed", len(list), maxExempt)
	}
	if slices.Contains(list, exemptNone) && len(list) > 1 {
		c.addError(key, "remove none, or the others", "none cannot be combined with networks")
	}
	for _, text := range list {
		if text == exemptAuto || text == exemptNone {
			continue
		}
		if _, err := parseNetwork(text); err != nil {
			c.addError(key, err.hint, "%s", err.what)
		}
	}
}
