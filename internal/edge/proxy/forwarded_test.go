package proxy

import (
	"net/netip"
	"strings"
	"testing"
)

// near are the proxies of these tests.
var near = Trusted{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}}

var fields = []struct {
	field Field
	value string
	want  string // empty: the peer itself
}{
	{XForwardedFor, "", ""},
	{XForwardedFor, "192.0.2.1", "192.0.2.1:0"},
	{XForwardedFor, "203.0.113.9, 192.0.2.1", "192.0.2.1:0"},
	{XForwardedFor, "203.0.113.9,192.0.2.1,10.0.0.1,10.9.9.9", "192.0.2.1:0"},
	{XForwardedFor, "192.0.2.1:50190", "192.0.2.1:50190"},
	{XForwardedFor, "2001:db8::1", "[2001:db8::1]:0"},
	{XForwardedFor, "[2001:db8::1]", "[2001:db8::1]:0"},
	{XForwardedFor, "[2001:db8::1]:50190", "[2001:db8::1]:50190"},
	{XForwardedFor, "192.0.2.1, 2001:db8:1::5", "192.0.2.1:0"},
	{XForwardedFor, "::ffff:192.0.2.1", "192.0.2.1:0"},
	{XForwardedFor, "192.0.2.1, ::ffff:10.0.0.1", "192.0.2.1:0"},
	{XForwardedFor, "10.0.0.2, 10.0.0.1", "10.0.0.2:0"}, // a client of our own
	{XForwardedFor, "garbage, 192.0.2.1", "192.0.2.1:0"},
	{XForwardedFor, "192.0.2.1, garbage", ""},
	{XForwardedFor, "192.0.2.1, unknown, 10.0.0.1", ""},
	{XForwardedFor, "192.0.2.1, _hidden", ""},
	{XForwardedFor, "192.0.2.1,, ,", "192.0.2.1:0"},
	{XForwardedFor, " ,\t", ""},
	{XForwardedFor, "192.0.2.1:", ""},
	{XForwardedFor, "192.0.2.1:65536", ""},
	{XForwardedFor, "192.0.2.1:080", ""},
	{XForwardedFor, "192.0.2", ""},
	{XForwardedFor, "192.0.2.01", ""},
	{XForwardedFor, "[192.0.2.1]", ""},
	{XForwardedFor, "[2001:db8::1", ""},
	{XForwardedFor, "fe80::1%eth0", ""},
	{XForwardedFor, "192.0.2.1\x00", ""},

	{Forwarded, "", ""},
	{Forwarded, "for=192.0.2.1", "192.0.2.1:0"},
	{Forwarded, "For=192.0.2.1;Proto=https;By=203.0.113.43", "192.0.2.1:0"},
	{Forwarded, "proto=https; for=192.0.2.1 ", "192.0.2.1:0"},
	{Forwarded, `for="[2001:db8:cafe::17]:4711"`, "[2001:db8:cafe::17]:4711"},
	{Forwarded, `for="192.0.2.1:4711"`, "192.0.2.1:4711"},
	{Forwarded, `for="192.0.2.1:_obf"`, "192.0.2.1:0"},
	{Forwarded, `for="[2001:db8:cafe::17]"`, "[2001:db8:cafe::17]:0"},
	{Forwarded, `for=203.0.113.9, for=192.0.2.1;host="a,b;c=\"d", for=10.0.0.1`, "192.0.2.1:0"},
	{Forwarded, `for="\1\92.0.2.1"`, "192.0.2.1:0"},
	{Forwarded, "for=unknown", ""},
	{Forwarded, "for=_gazonk, for=10.0.0.1", ""},
	{Forwarded, "for=192.0.2.1, for=unknown", ""},
	{Forwarded, "proto=https", ""},
	{Forwarded, "for=192.0.2.1;for=192.0.2.2", ""},
	{Forwarded, "for=2001:db8::1", ""},   // must be quoted and in brackets
	{Forwarded, `for="2001:db8::1"`, ""}, // must be in brackets
	{Forwarded, "for=[2001:db8::1]", "[2001:db8::1]:0"},
	{Forwarded, "for = 192.0.2.1", ""},
	{Forwarded, "for=", ""},
	{Forwarded, "for", ""},
	{Forwarded, `for="192.0.2.1`, ""},
	{Forwarded, `for="192.0.2.1"x`, ""},
	{Forwarded, "192.0.2.1", ""},
	// What a client has put before what the proxy adds.
	{Forwarded, `for=", for=192.0.2.1`, "192.0.2.1:0"},
	{Forwarded, `for="\, for="[2001:db8::1]"`, "[2001:db8::1]:0"},
	{Forwarded, `for="10.0.0.1, for=192.0.2.1;by="_x"`, "192.0.2.1:0"},
	{Forwarded, `\", for=192.0.2.1, for=10.0.0.1`, "192.0.2.1:0"},
}

func TestClientOfAField(t *testing.T) {
	for _, tt := range fields {
		got := ""
		if client, ok := tt.field.Client(tt.value, &near); ok {
			got = client.String()
		}
		if got != tt.want {
			t.Errorf("%s: %s: got %q, want %q", tt.field, tt.value, got, tt.want)
		}
	}
}

func TestFieldNames(t *testing.T) {
	for name, want := range map[string]Field{"": NoField, "x-forwarded-for": XForwardedFor, "Forwarded": Forwarded} {
		if got, ok := ParseField(name); !ok || got != want {
			t.Errorf("%q: got %v, %v", name, got, ok)
		}
	}
	if _, ok := ParseField("X-Real-IP"); ok {
		t.Error("X-Real-IP is known")
	}
}

func TestTrusted(t *testing.T) {
	for addr, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "11.0.0.1": false, "2001:db8:1::1%eth0": true, "2001:db8:2::1": false} {
		if got := near.Has(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: trusted is %v", addr, got)
		}
	}
	if near.Has(netip.Addr{}) {
		t.Error("a Unix socket is trusted without being listed")
	}
	if unix := (Trusted{Unix: true}); !unix.Has(netip.Addr{}) {
		t.Error("a Unix socket is not trusted")
	}
}

// FuzzForwarded proves that nothing before what a trusted proxy adds can change the client that it names.
func FuzzForwarded(f *testing.F) {
	for _, tt := range fields {
		f.Add(tt.value)
	}
	f.Fuzz(func(t *testing.T, forged string) {
		for _, by := range []struct {
			field Field
			added string
		}{
			{XForwardedFor, "192.0.2.1:50190"},
			{Forwarded, `proto=https;for="192.0.2.1:50190";host="a,b"`},
		} {
			field, added := by.field, by.added
			if client, ok := field.Client(forged, &near); ok && (client.Addr().Zone() != "" || client.Addr().Is4In6() || !client.IsValid()) {
				t.Fatalf("client %v", client)
			}
			client, ok := field.Client(forged+", "+added, &near)
			if !ok || client.String() != "192.0.2.1:50190" {
				t.Fatalf("%s of %q: got %v, %v", field, forged, client, ok)
			}
			client, ok = field.Client(strings.Join([]string{forged, added, "for=10.0.0.1"}, ","), &near)
			if field == Forwarded && (!ok || client.String() != "192.0.2.1:50190") {
				t.Fatalf("behind two proxies: %s of %q: got %v, %v", field, forged, client, ok)
			}
		}
	})
}
