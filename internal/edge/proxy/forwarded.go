package proxy

import (
	"net/netip"
	"strings"
)

// Field is the request field in which a proxy names its client.
type Field uint8

// The fields.
const (
	NoField       Field = iota
	XForwardedFor       // addresses, separated by commas
	Forwarded           // RFC 7239
)

// fieldNames are as requests and settings have them.
var fieldNames = [...]string{NoField: "", XForwardedFor: "X-Forwarded-For", Forwarded: "Forwarded"}

func (f Field) String() string { return fieldNames[f] }

// ParseField returns the field of that name, in any case; an empty name is NoField.
func ParseField(name string) (Field, bool) {
	for f, n := range fieldNames {
		if strings.EqualFold(n, name) {
			return Field(f), true
		}
	}
	return NoField, false
}

// Client returns the client that a field of a trusted peer names: the rightmost address that is not
// trusted. Each proxy adds the address of its own peer on the right, so whatever a client has sent
// itself is to the left of it and is never reached. If all addresses are trusted, it is the
// leftmost. If the search meets an element without an address, or there is none at all, ok is false:
// the peer speaks for itself. The port is 0 if the field has none.
func (f Field) Client(value string, trusted *Trusted) (client netip.AddrPort, ok bool) {
	parse := parseAddress
	cut := cutListItem
	if f == Forwarded {
		parse, cut = forwardedFor, cutForwarded
	}
	for value != "" {
		var item string
		value, item = cut(value)
		if item == "" {
			continue // RFC 9110 section 5.6.1.2: empty elements count for nothing
		}
		at, isAddress := parse(item)
		if !isAddress {
			return netip.AddrPort{}, false
		}
		client, ok = at, true
		if !trusted.Has(at.Addr()) {
			break
		}
	}
	return client, ok
}

// cutListItem cuts the last item off a list.
func cutListItem(list string) (rest, item string) {
	i := strings.LastIndexByte(list, ',')
	return list[:max(i, 0)], trimSpace(list[i+1:])
}

// cutForwarded cuts the last element off the value of Forwarded. It reads from the right, and so
// finds what the nearest proxy has written whatever a client has put before it: a quote that never
// ends would otherwise swallow the rest.
func cutForwarded(value string) (rest, element string) {
	for i := len(value) - 1; i >= 0; i-- {
		switch value[i] {
		case ',':
			return value[:i], trimSpace(value[i+1:])
		case '"':
			if i = openingQuote(value, i); i < 0 {
				return "", trimSpace(value)
			}
		}
	}
	return "", trimSpace(value)
}

// openingQuote returns where the quoted string begins that ends at end, or -1.
func openingQuote(value string, end int) int {
	for i := end - 1; i >= 0; i-- {
		if value[i] != '"' {
			continue
		}
		escapes := 0
		for j := i - 1; j >= 0 && value[j] == '\\'; j-- {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
	return -1
}

// forwardedFor returns the address in the "for" parameter of an element (RFC 7239 section 4). There
// must be exactly one.
func forwardedFor(element string) (client netip.AddrPort, ok bool) {
	for element != "" {
		var pair string
		pair, element = cutPair(element)
		if pair = trimSpace(pair); pair == "" {
			continue
		}
		name, value, isPair := strings.Cut(pair, "=")
		if !isPair {
			return netip.AddrPort{}, false
		}
		if !strings.EqualFold(name, "for") {
			continue
		}
		text, isText := unquote(value)
		if ok || !isText {
			return netip.AddrPort{}, false
		}
		if client, ok = parseNode(text); !ok {
			return netip.AddrPort{}, false
		}
	}
	return client, ok
}

// cutPair cuts the first parameter off an element.
func cutPair(element string) (pair, rest string) {
	quoted := false
	for i := 0; i < len(element); i++ {
		switch c := element[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ';' && !quoted:
			return element[:i], element[i+1:]
		}
	}
	return element, ""
}

// unquote returns a token as it is, and what a quoted string contains.
func unquote(value string) (string, bool) {
	if !strings.HasPrefix(value, `"`) {
		return value, value != "" && !strings.ContainsAny(value, `" ,;\`)
	}
	var b strings.Builder
	for i := 1; i < len(value); i++ {
		switch value[i] {
		case '"':
			return b.String(), i == len(value)-1
		case '\\':
			if i++; i == len(value) {
				return "", false
			}
		}
		b.WriteByte(value[i])
	}
	return "", false
}

// parseNode reads a node of RFC 7239 section 6: an address, IPv6 in brackets, and a port, which may
// be obfuscated. "unknown" and an obfuscated identifier are no address.
func parseNode(node string) (netip.AddrPort, bool) {
	host, port := node, ""
	if i := strings.LastIndexByte(node, ':'); i >= 0 && !strings.HasSuffix(node, "]") {
		host, port = node[:i], node[i+1:]
		if port == "" {
			return netip.AddrPort{}, false
		}
	}
	if strings.HasPrefix(port, "_") && len(port) > 1 {
		port = ""
	}
	if inside, isBracketed := strings.CutPrefix(host, "["); isBracketed {
		if inside, isBracketed = strings.CutSuffix(inside, "]"); !isBracketed {
			return netip.AddrPort{}, false
		}
		return endpoint(inside, port, netip.Addr.Is6)
	}
	return endpoint(host, port, netip.Addr.Is4)
}

// parseAddress reads an item of X-Forwarded-For, which no standard defines: an address, IPv6 with or
// without brackets, and with some proxies a port.
func parseAddress(item string) (netip.AddrPort, bool) {
	if strings.Count(item, ":") > 1 && item[0] != '[' {
		return endpoint(item, "", netip.Addr.Is6)
	}
	return parseNode(item)
}

// endpoint joins an address of the right family, without a zone, and a port, which may be empty.
func endpoint(host, port string, isRight func(netip.Addr) bool) (netip.AddrPort, bool) {
	a, err := netip.ParseAddr(host)
	if err != nil || a.Zone() != "" || !isRight(a) {
		return netip.AddrPort{}, false
	}
	if port == "" {
		return netip.AddrPortFrom(a.Unmap(), 0), true
	}
	n, ok := parsePort(port)
	return netip.AddrPortFrom(a.Unmap(), n), ok
}

// trimSpace trims what may surround the elements of a list (RFC 9110 section 5.6.3).
func trimSpace(s string) string { return strings.Trim(s, " \t") }
