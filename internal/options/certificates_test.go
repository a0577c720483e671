package options

import (
	"slices"
	"testing"

	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/certs/acmecert"
	"github.com/hassesd/hassesd/internal/config"
)

func TestOnlyChallengesThatCanBeAnsweredAreUsed(t *testing.T) {
	const alpn, http = acmecert.TLSALPN01, acmecert.HTTP01
	for _, c := range []struct {
		listen, challenges []string
		want               []acmecert.Challenge
	}{
		{[]string{"https://:443"}, []string{"tls-alpn-01", "http-01"}, []acmecert.Challenge{alpn}},
		{[]string{"https://:443", "http://:80"}, []string{"tls-alpn-01", "http-01"}, []acmecert.Challenge{alpn, http}},
		{[]string{"https://:443", "http://:80"}, []string{"http-01", "tls-alpn-01", "http-01"}, []acmecert.Challenge{http, alpn}},
		{[]string{"https://:443", "http://:80"}, []string{"http-01"}, []acmecert.Challenge{http}},
	} {
		s := config.Settings{Listen: c.listen, ACME: config.ACME{Challenges: c.challenges}}
		if got := acmeChallenges(&s); !slices.Equal(got, c.want) {
			t.Errorf("%q on %q: %q, want %q", c.challenges, c.listen, got, c.want)
		}
	}
}

func TestCertificateFilesHaveTheDefaultFirst(t *testing.T) {
	var s config.Settings
	s.TLS.CertFile, s.TLS.KeyFile = "a", "b"
	s.TLS.Certificates = []config.Certificate{{CertFile: "c", KeyFile: "d", OCSPFile: "e"}}
	want := []certs.Files{{Cert: "a", Key: "b"}, {Cert: "c", Key: "d", OCSP: "e"}}
	if got := CertificateFiles(&s); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
