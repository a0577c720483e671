package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestNamesOf(t *testing.T) {
	for _, c := range []struct {
		name string
		leaf x509.Certificate
		want []string
	}{
		{"names and addresses", x509.Certificate{DNSNames: []string{"a.example", "*.b.example"}, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)}, Subject: pkix.Name{CommonName: "c.example"}}, []string{"a.example", "*.b.example", "192.0.2.1"}},
		{"common name alone", x509.Certificate{Subject: pkix.Name{CommonName: "localhost"}}, []string{"localhost"}},
		{"a common name that is none", x509.Certificate{Subject: pkix.Name{CommonName: "Example Ltd. (test)"}}, []string{}},
		{"nothing", x509.Certificate{}, []string{}},
	} {
		if got := namesOf(&c.leaf); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestHostOf(t *testing.T) {
	for field, want := range map[string]string{
		"": "", "a": "a", "a:8443": "a", "a:": "a", ":8443": "", "127.0.0.1:8443": "127.0.0.1", "[::1]": "::1", "[::1]:8443": "::1", "[::1": "::1", "[": "",
	} {
		if got := hostOf(field); got != want {
			t.Errorf("%q: got %q, want %q", field, got, want)
		}
	}
}

func TestAWildcardIsForOneLabel(t *testing.T) {
	s := newNameSet()
	for _, name := range []string{"*.Example.org", "www.example.net", "*", "*.a.example"} {
		s.add(name)
	}
	for name, want := range map[string]bool{
		"a.example.org": true, "example.org": false, "a.b.example.org": false, "www.example.net": true, "x.www.example.net": false,
		"localhost": false, "": false, "*.example.org": true, "b.a.example": true,
	} {
		if got := s.has(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
}

// FuzzServes asks with what strangers may send: nothing panics, and what a certificate has is
// served under any spelling.
func FuzzServes(f *testing.F) {
	s := &snapshot{now: func() time.Time { return noon }}
	pair := func(names ...string) *Pair {
		return &Pair{info: Info{Names: names, Key: "ECDSA P-256", NotAfter: noon.Add(time.Hour)}}
	}
	first := pair("default.example", "192.0.2.1")
	s.index([]*Pair{first, pair("*.example.org"), pair("other.example")}, []*Pair{first})
	f.Fuzz(func(t *testing.T, serverName, host string) {
		s.serves(serverName, host)
		if !strings.ContainsAny(host, ":[]") && host != "" && !s.serves(host, strings.ToUpper(host)+":443") && s.named(host, noon) != nil {
			t.Errorf("%q is a certificate's, and not served when asked for", host)
		}
		if s.serves("other.example", host) && s.known.has(canonical(hostOf(host))) && canonical(hostOf(host)) != "other.example" {
			t.Errorf("%q is served on another's connection", host)
		}
	})
}
