package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// The errors of a PROXY header. All of them are final: more bytes change nothing.
var (
	ErrNoHeader = errors.New("the connection does not begin with a PROXY header")
	ErrTooLong  = errors.New("the PROXY header is too long")
	ErrInvalid  = errors.New("the PROXY header is malformed")
)

const (
	// maxV1 is the longest header of version 1, with its CRLF ("The PROXY protocol", section 2.1).
	maxV1 = 107
	// maxV2 bounds a header of version 2 with its TLVs. The protocol would allow 64 KiB; the TLVs
	// in use take a few hundred bytes, and nginx has the same bound.
	maxV2 = 4096
)

// The first bytes of a header.
const (
	signV1 = "PROXY "
	signV2 = "\r\n\r\n\x00\r\nQUIT\n"
)

// The shortest headers. No reader that asks for them reads beyond a header.
const (
	minV1     = len("PROXY UNKNOWN\r\n")
	minV1TCP4 = len("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n")
	minV1TCP6 = len("PROXY TCP6 :: :: 0 0\r\n")
	headV2    = 16 // signature, command, family, length
)

// ParseHeader reads a PROXY header, version 1 or 2, of which p is what has come so far. If more is
// positive, the header goes on for at least that many bytes: a caller who reads no more than that
// takes nothing of what follows the header. If more is 0 and err nil, p is a whole header. client is
// not valid if the proxy speaks for itself, for a client without an IP address, or for one that it
// does not know: LOCAL, UNSPEC, UNKNOWN and every family but TCP over IPv4 and IPv6.
func ParseHeader(p []byte) (client netip.AddrPort, more int, err error) {
	switch {
	case isPrefix(p, signV1):
		return parseV1(p)
	case isPrefix(p, signV2):
		return parseV2(p)
	}
	return netip.AddrPort{}, 0, ErrNoHeader
}

// isPrefix reports whether p begins with sign, as far as it has come.
func isPrefix(p []byte, sign string) bool {
	n := min(len(p), len(sign))
	return string(p[:n]) == sign[:n]
}

// parseV1 reads a line such as "PROXY TCP4 192.0.2.1 192.0.2.2 50190 443".
func parseV1(p []byte) (client netip.AddrPort, more int, err error) {
	end := bytes.IndexByte(p, '\n')
	switch {
	case end < 0 && len(p) >= maxV1, end >= maxV1:
		return netip.AddrPort{}, 0, ErrTooLong
	case end < 0:
		return netip.AddrPort{}, min(restV1(p), maxV1-len(p)), nil
	case end+1 != len(p) || p[end-1] != '\r':
		return netip.AddrPort{}, 0, ErrInvalid
	}
	line := strings.TrimSuffix(string(p[len(signV1):]), "\r\n")
	if line == "UNKNOWN" || strings.HasPrefix(line, "UNKNOWN ") {
		return netip.AddrPort{}, 0, nil // the rest must be ignored
	}
	words := strings.Split(line, " ")
	if len(words) != 5 || words[0] != "TCP4" && words[0] != "TCP6" {
		return netip.AddrPort{}, 0, ErrInvalid
	}
	is4 := words[0] == "TCP4"
	from, ok := endpointV1(words[1], words[3], is4)
	if _, okTo := endpointV1(words[2], words[4], is4); !ok || !okTo {
		return netip.AddrPort{}, 0, ErrInvalid
	}
	return from, 0, nil
}

// restV1 returns how many bytes at least are missing of a header of version 1 without its newline.
func restV1(p []byte) int {
	least := minV1
	switch {
	case bytes.HasPrefix(p, []byte(signV1+"TCP4")):
		least = minV1TCP4
	case bytes.HasPrefix(p, []byte(signV1+"TCP6")):
		least = minV1TCP6
	}
	newline := 2
	if len(p) > 0 && p[len(p)-1] == '\r' {
		newline = 1
	}
	return max(least-len(p), newline)
}

// endpointV1 reads an address and a port as version 1 writes them.
func endpointV1(addr, port string, is4 bool) (netip.AddrPort, bool) {
	a, err := netip.ParseAddr(addr)
	if err != nil || a.Zone() != "" || a.Is4() != is4 {
		return netip.AddrPort{}, false
	}
	n, ok := parsePort(port)
	return netip.AddrPortFrom(a.Unmap(), n), ok
}

// parsePort reads a port without sign or leading zeros.
func parsePort(text string) (uint16, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return uint16(n), err == nil && strconv.FormatUint(n, 10) == text
}

// The fields of version 2 that matter (section 2.2).
const (
	versionV2 = 0x20
	cmdLocal  = 0x0
	cmdProxy  = 0x1
	famTCP4   = 0x11
	famTCP6   = 0x21
	lenTCP4   = 4 + 4 + 2 + 2
	lenTCP6   = 16 + 16 + 2 + 2
)

// parseV2 reads a binary header. What follows the addresses, the TLVs, is skipped.
func parseV2(p []byte) (client netip.AddrPort, more int, err error) {
	if len(p) < minV1 { // so much belongs to a header of any version
		return netip.AddrPort{}, minV1 - len(p), nil
	}
	if len(p) < headV2 {
		return netip.AddrPort{}, headV2 - len(p), nil
	}
	command, family := p[12], p[13]
	body := int(binary.BigEndian.Uint16(p[14:headV2]))
	switch {
	case command&0xf0 != versionV2, command&0x0f != cmdLocal && command&0x0f != cmdProxy:
		return netip.AddrPort{}, 0, ErrInvalid
	case headV2+body > maxV2:
		return netip.AddrPort{}, 0, ErrTooLong
	case command&0x0f == cmdProxy && (family == famTCP4 && body < lenTCP4 || family == famTCP6 && body < lenTCP6):
		return netip.AddrPort{}, 0, ErrInvalid
	case len(p) < headV2+body:
		return netip.AddrPort{}, headV2 + body - len(p), nil
	case len(p) > headV2+body:
		return netip.AddrPort{}, 0, ErrInvalid
	case command&0x0f == cmdLocal:
		return netip.AddrPort{}, 0, nil
	}
	at := p[headV2:]
	switch family {
	case famTCP4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(at[:4])), binary.BigEndian.Uint16(at[8:10])), 0, nil
	case famTCP6:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(at[:16])).Unmap(), binary.BigEndian.Uint16(at[32:34])), 0, nil
	}
	return netip.AddrPort{}, 0, nil // a Unix socket, datagrams or nothing known, as HAProxy has it
}
