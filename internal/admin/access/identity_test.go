package access

import (
	"crypto/x509"
	"net/url"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/admin/api"
)

const someSum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParseIdentity(t *testing.T) {
	for _, tt := range []struct{ text, want string }{ // empty: none
		{"uri:hassesd:client:alice", "uri:hassesd:client:alice"},
		{"uri:spiffe://example.org/backend/1", "uri:spiffe://example.org/backend/1"},
		{"dns:Backend1.Example.org", "dns:backend1.example.org"},
		{"spki:" + strings.ToUpper(someSum), "spki:" + someSum},
		{"", ""},
		{"alice", ""},
		{"uri:", ""},
		{"uri:alice", ""},
		{"uri:HTTP://x y", ""},
		{"dns:", ""},
		{"dns:*.example.org", ""},
		{"dns:a b", ""},
		{"dns:" + strings.Repeat("a", 254), ""},
		{"spki:" + someSum[1:], ""},
		{"spki:" + someSum + "00", ""},
		{"spki:x" + someSum[1:], ""},
		{"URI:a:b", ""},
		{"san:a", ""},
	} {
		got, err := parseIdentity(tt.text)
		if string(got) != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: got %q, %v, want %q", tt.text, got, err, tt.want)
		}
		if err != nil && !strings.Contains(err.Error(), "hassesctl pki issue") {
			t.Errorf("%q: %v does not say what to do", tt.text, err)
		}
	}
}

func TestRoleOfACertificate(t *testing.T) {
	c := &x509.Certificate{
		RawSubjectPublicKeyInfo: []byte("key"),
		DNSNames:                []string{"A.example"},
		URIs:                    []*url.URL{{Scheme: "test", Opaque: "x"}},
	}
	spki := api.Identities(c)[2]
	for _, tt := range []struct {
		name  string
		roles MutualTLSOptions
		role  api.Role
		by    string
	}{
		{"by name", MutualTLSOptions{Read: []string{"dns:a.EXAMPLE"}}, api.RoleRead, "dns:a.example"},
		{"by URI", MutualTLSOptions{Publish: []string{"uri:test:x"}}, api.RolePublish, "uri:test:x"},
		{"by key", MutualTLSOptions{Admin: []string{spki}}, api.RoleAdmin, spki},
		{"the greatest of several", MutualTLSOptions{Admin: []string{"dns:a.example"}, Read: []string{"uri:test:x", spki}}, api.RoleAdmin, "dns:a.example"},
		{"the greatest of one", MutualTLSOptions{Admin: []string{spki}, Publish: []string{spki}, Read: []string{spki}}, api.RoleAdmin, spki},
		{"none", MutualTLSOptions{Admin: []string{"dns:b.example", "uri:test:y", "uri:dns:a.example", "spki:" + someSum}}, api.RoleNone, ""},
	} {
		a := &MutualTLS{roles: map[identity]api.Role{}}
		if err := a.addRoles(tt.roles); err != nil {
			t.Fatal(err)
		}
		if role, by := a.RoleOf(c); role != tt.role || by != tt.by {
			t.Errorf("%s: got %q by %q, want %q by %q", tt.name, role, by, tt.role, tt.by)
		}
	}
}

func FuzzParseIdentity(f *testing.F) {
	for _, seed := range []string{"uri:hassesd:client:alice", "dns:Example.org", "spki:" + someSum, "uri:%zz", "dns:*", ":"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := parseIdentity(text)
		if err != nil {
			return
		}
		if again, err := parseIdentity(string(id)); err != nil || again != id {
			t.Errorf("%q became %q, and that %q, %v", text, id, again, err)
		}
	})
}
