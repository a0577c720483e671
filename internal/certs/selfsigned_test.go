package certs

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestADevelopmentCertificateIsItsOwnTrustAnchor(t *testing.T) {
	p, err := Development(noon, "laptop.local", "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(t, usual, p)
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "laptop.local", "192.0.2.7"} {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(p.PEM()) {
			t.Fatal("PEM holds no certificate")
		}
		client := &tls.Config{RootCAs: pool, ServerName: name, Time: func() time.Time { return noon }}
		if _, err := shakeHands(t, configOf(s), client); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	distrusting := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost", Time: func() time.Time { return noon }}
	if _, err := shakeHands(t, configOf(s), distrusting); err == nil {
		t.Error("a client that does not know the certificate accepted it")
	}
}

func TestADevelopmentCertificateSignsForNobody(t *testing.T) {
	p, err := Development(noon)
	if err != nil {
		t.Fatal(err)
	}
	leaf := p.certificate.Leaf
	if leaf.IsCA || !leaf.BasicConstraintsValid || leaf.KeyUsage != x509.KeyUsageDigitalSignature || !slices.Equal(leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) {
		t.Errorf("CA %v, key usage %b, extended %v", leaf.IsCA, leaf.KeyUsage, leaf.ExtKeyUsage)
	}
	if leaf.PublicKeyAlgorithm != x509.ECDSA || len(leaf.DNSNames) != 1 || len(leaf.IPAddresses) != 2 {
		t.Errorf("%s key, names %q, addresses %v", leaf.PublicKeyAlgorithm, leaf.DNSNames, leaf.IPAddresses)
	}
}

func TestADevelopmentCertificateLivesForAMonth(t *testing.T) {
	p, err := Development(noon)
	if err != nil {
		t.Fatal(err)
	}
	leaf := p.certificate.Leaf
	if !leaf.NotBefore.Equal(noon.Add(-time.Hour)) || !leaf.NotAfter.Equal(noon.Add(30*24*time.Hour)) {
		t.Errorf("valid from %v to %v", leaf.NotBefore, leaf.NotAfter)
	}
	if _, err := checkChain([]*x509.Certificate{leaf}, noon); err != nil {
		t.Errorf("a file with it would be refused: %v", err)
	}
}

func TestDoubleHostsAreNamedOnce(t *testing.T) {
	p, err := Development(noon, "localhost", "127.0.0.1", "a", "a")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Info().Names, []string{"localhost", "a", "127.0.0.1", "::1"}; !slices.Equal(got, want) {
		t.Errorf("names are %q, want %q", got, want)
	}
}

func TestEachDevelopmentCertificateIsNew(t *testing.T) {
	a, err := Development(noon)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Development(noon)
	if err != nil {
		t.Fatal(err)
	}
	if a.Info().SHA256 == b.Info().SHA256 {
		t.Error("two certificates are the same")
	}
}

func TestAPlaceholderSaysWhatItIs(t *testing.T) {
	p, err := Placeholder(noon, "push.example.org")
	if err != nil {
		t.Fatal(err)
	}
	i := p.Info()
	if i.Source != SourceSelfSigned || !slices.Equal(i.Names, []string{"push.example.org"}) || len(i.Problems(noon)) != 1 ||
		!strings.Contains(i.Problems(noon)[0], "clients refuse it") {
		t.Errorf("got %+v", i)
	}
	if left := i.Left(noon); left != 365*24*time.Hour || i.IsDue(noon) {
		t.Errorf("it lives for %v", left)
	}
}
