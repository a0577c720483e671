package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// v2 returns a header of version 2.
func v2(command, family byte, body string) string {
	head := append([]byte(signV2), command, family)
	return string(binary.BigEndian.AppendUint16(head, uint16(len(body)))) + body
}

const (
	addresses4 = "\xc0\x00\x02\x01\xc0\x00\x02\x02\xc4\x0e\x01\xbb"                         // 192.0.2.1:50190 to 192.0.2.2:443
	addresses6 = "\x20\x01\x0d\xb8000000000001\x20\x01\x0d\xb8000000000002\xc4\x0e\x01\xbb" // 2001:db8:…
	tlv        = "\x04\x00\x03abc" + "\x20\x00\x05\x01\x00\x00\x00\x00"                     // a NOOP, and TLS
	longest    = "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535 and so on until the end of what is allowed "
)

var headers = []struct {
	name   string
	header string
	client string // empty: the peer itself
	err    error
}{
	{"v1, IPv4", "PROXY TCP4 192.0.2.1 192.0.2.2 50190 443\r\n", "192.0.2.1:50190", nil},
	{"v1, IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 50190 443\r\n", "[2001:db8::1]:50190", nil},
	{"v1, mapped", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2\r\n", "192.0.2.1:1", nil},
	{"v1, shortest", "PROXY TCP6 :: :: 0 0\r\n", "[::]:0", nil},
	{"v1, unknown", "PROXY UNKNOWN\r\n", "", nil},
	{"v1, unknown with addresses", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "", nil},
	{"v1, as long as allowed", longest + strings.Repeat(".", maxV1-2-len(longest)) + "\r\n", "", nil},
	{"v1, too long", longest + strings.Repeat(".", maxV1-1-len(longest)) + "\r\n", "", ErrTooLong},
	{"v1, without end", "PROXY TCP4 " + strings.Repeat("1", 200), "", ErrTooLong},
	{"v1, without CR", "PROXY TCP4 192.0.2.1 192.0.2.2 50190 443\n", "", ErrInvalid},
	{"v1, another family", "PROXY UDP4 192.0.2.1 192.0.2.2 50190 443\r\n", "", ErrInvalid},
	{"v1, wrong family", "PROXY TCP4 2001:db8::1 2001:db8::2 50190 443\r\n", "", ErrInvalid},
	{"v1, families differ", "PROXY TCP4 192.0.2.1 2001:db8::2 50190 443\r\n", "", ErrInvalid},
	{"v1, zone", "PROXY TCP6 fe80::1%eth0 fe80::2 50190 443\r\n", "", ErrInvalid},
	{"v1, port too large", "PROXY TCP4 192.0.2.1 192.0.2.2 65536 443\r\n", "", ErrInvalid},
	{"v1, leading zero", "PROXY TCP4 192.0.2.1 192.0.2.2 050190 443\r\n", "", ErrInvalid},
	{"v1, two blanks", "PROXY TCP4  192.0.2.1 192.0.2.2 50190 443\r\n", "", ErrInvalid},
	{"v1, one port", "PROXY TCP4 192.0.2.1 192.0.2.2 50190      \r\n", "", ErrInvalid},
	{"v1, lower case", "PROXY tcp4 192.0.2.1 192.0.2.2 50190 443\r\n", "", ErrInvalid},
	{"v2, IPv4", v2(0x21, 0x11, addresses4), "192.0.2.1:50190", nil},
	{"v2, IPv6", v2(0x21, 0x21, addresses6), "[2001:db8:3030:3030:3030:3030:3030:3031]:50190", nil},
	{"v2, TLVs", v2(0x21, 0x11, addresses4+tlv), "192.0.2.1:50190", nil},
	{"v2, TLVs that make no sense", v2(0x21, 0x11, addresses4+"\xff\xff"), "192.0.2.1:50190", nil},
	{"v2, as long as allowed", v2(0x21, 0x11, addresses4+strings.Repeat("x", maxV2-headV2-len(addresses4))), "192.0.2.1:50190", nil},
	{"v2, too long", v2(0x21, 0x11, addresses4+strings.Repeat("x", maxV2-headV2-len(addresses4)+1)), "", ErrTooLong},
	{"v2, longest there is", v2(0x21, 0x11, strings.Repeat("x", 65535)), "", ErrTooLong},
	{"v2, LOCAL", v2(0x20, 0x00, ""), "", nil},
	{"v2, LOCAL with addresses", v2(0x20, 0x11, addresses4), "", nil},
	{"v2, LOCAL with too few", v2(0x20, 0x11, "x"), "", nil},
	{"v2, UNSPEC", v2(0x21, 0x00, "whatever"), "", nil},
	{"v2, Unix", v2(0x21, 0x31, strings.Repeat("\x00", 216)), "", nil},
	{"v2, datagrams", v2(0x21, 0x12, addresses4), "", nil},
	{"v2, a family to come", v2(0x21, 0x41, "whatever"), "", nil},
	{"v2, too short for IPv4", v2(0x21, 0x11, addresses4[1:]), "", ErrInvalid},
	{"v2, too short for IPv6", v2(0x21, 0x21, addresses6[1:]), "", ErrInvalid},
	{"v2, another command", v2(0x22, 0x11, addresses4), "", ErrInvalid},
	{"version 3", v2(0x31, 0x11, addresses4), "", ErrInvalid},
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x00\x00", "", ErrNoHeader},
	{"HTTP", "GET /sse HTTP/1.1\r\n\r\n", "", ErrNoHeader},
	{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", ErrNoHeader},
	{"blank lines", "\r\n\r\nGET / HTTP/1.1\r\n\r\n", "", ErrNoHeader},
}

// read reads a header as it comes in pieces of the given size, as much as it asks for and no more.
// It returns how much it has taken.
func read(t testing.TB, stream []byte, piece int) (client netip.AddrPort, taken int, err error) {
	t.Helper()
	for {
		client, more, err := ParseHeader(stream[:taken])
		if err != nil || more == 0 {
			return client, taken, err
		}
		if more < 0 || taken+more > maxV2 {
			t.Fatalf("asks for %d bytes after %d", more, taken)
		}
		if taken == len(stream) {
			return client, taken, errors.New("cut")
		}
		taken = min(taken+min(more, piece), len(stream))
	}
}

func TestHeaders(t *testing.T) {
	const after = "\x16\x03\x01\x02\x00" // what comes next
	for _, tt := range headers {
		for _, piece := range []int{1, 2, 7, 1 << 20} {
			client, taken, err := read(t, []byte(tt.header+after), piece)
			got := ""
			if client.IsValid() {
				got = client.String()
			}
			if got != tt.client || !errors.Is(err, tt.err) {
				t.Errorf("%s in pieces of %d: got %q, %v, want %q, %v", tt.name, piece, got, err, tt.client, tt.err)
			}
			if err == nil && taken != len(tt.header) {
				t.Errorf("%s in pieces of %d: it takes %d bytes, want %d", tt.name, piece, taken, len(tt.header))
			}
		}
	}
}

func TestAHeaderThatIsCutIsNone(t *testing.T) {
	for _, tt := range headers {
		if tt.err != nil {
			continue
		}
		for n := range tt.header {
			if _, more, err := ParseHeader([]byte(tt.header[:n])); more == 0 || err != nil || n+more > len(tt.header) {
				t.Fatalf("%s, first %d bytes: %d more, %v", tt.name, n, more, err)
			}
		}
	}
}

func FuzzHeader(f *testing.F) {
	for _, tt := range headers {
		f.Add([]byte(tt.header))
		f.Add([]byte(tt.header + "GET"))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		atOnce, taken, err := read(t, stream, 1<<20)
		byByte, takenByByte, errByByte := read(t, stream, 1)
		if atOnce != byByte || (err == nil) != (errByByte == nil) || err == nil && taken != takenByByte {
			t.Fatalf("at once %v, %d, %v; by the byte %v, %d, %v", atOnce, taken, err, byByte, takenByByte, errByByte)
		}
		if err != nil || !atOnce.IsValid() {
			return
		}
		if atOnce.Addr().Is4In6() || atOnce.Addr().Zone() != "" {
			t.Fatalf("client %v", atOnce)
		}
		if again := oracle(stream[:taken]); again != atOnce {
			t.Fatalf("client %v, another reader has %v", atOnce, again)
		}
	})
}

// oracle reads a valid header that names a client in another way.
func oracle(header []byte) netip.AddrPort {
	if line, ok := bytes.CutPrefix(header, []byte("PROXY TCP")); ok {
		words := bytes.Fields(line[1:])
		at, _ := netip.ParseAddrPort("[" + string(words[0]) + "]:" + string(words[2]))
		if line[0] == '4' {
			at, _ = netip.ParseAddrPort(string(words[0]) + ":" + string(words[2]))
		}
		return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	}
	size := 4
	if header[13] == 0x21 {
		size = 16
	}
	a, _ := netip.AddrFromSlice(header[16 : 16+size])
	port := header[16+2*size:]
	return netip.AddrPortFrom(a.Unmap(), uint16(port[0])<<8|uint16(port[1]))
}
