package certs

import (
	"crypto/x509"
	"net/netip"
	"strings"
)

// namesOf returns the hosts that a certificate is for: DNS names as written, and addresses. A
// certificate without alternative names is listed by its common name. Clients refuse it, but a test
// bench that trusts everything asks for it by that name.
func namesOf(leaf *x509.Certificate) []string {
	names := append([]string{}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	if cn := leaf.Subject.CommonName; len(names) == 0 && isName(cn) {
		names = append(names, cn)
	}
	return names
}

// isName reports whether text can be a DNS name, with or without a wildcard.
func isName(text string) bool {
	return text != "" && len(text) <= 253 && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '-' && r != '_' && r != '.' && r != '*' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// canonical returns a name in the form for comparison: lower case, without a trailing dot.
func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// parent returns the name without its first label, which is what follows a wildcard. It returns ""
// for a name with one label.
func parent(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	return rest
}

// hostOf returns a Host field without its port, and an IPv6 address without its brackets.
func hostOf(field string) string {
	if rest, ok := strings.CutPrefix(field, "["); ok {
		host, _, _ := strings.Cut(rest, "]")
		return host
	}
	host, _, _ := strings.Cut(field, ":")
	return host
}

// nameSet is a set of DNS names, with wildcards for one label.
type nameSet struct {
	exact    map[string]struct{}
	wildcard map[string]struct{} // example.org for *.example.org
}

func newNameSet() nameSet {
	return nameSet{exact: map[string]struct{}{}, wildcard: map[string]struct{}{}}
}

// add adds a name. It ignores addresses.
func (s nameSet) add(name string) {
	if _, err := netip.ParseAddr(name); err == nil {
		return
	}
	name = canonical(name)
	if rest, ok := strings.CutPrefix(name, "*."); ok {
		s.wildcard[rest] = struct{}{}
		return
	}
	s.exact[name] = struct{}{}
}

// has reports whether a canonical name is in the set.
func (s nameSet) has(name string) bool {
	if _, ok := s.exact[name]; ok {
		return true
	}
	_, ok := s.wildcard[parent(name)]
	return ok && parent(name) != ""
}

func (s nameSet) isEmpty() bool { return len(s.exact)+len(s.wildcard) == 0 }
