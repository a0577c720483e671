package certs

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"testing"
	"time"
)

// forHosts makes a leaf certificate for names and addresses.
func forHosts(hosts ...string) option {
	return func(c *x509.Certificate) {
		server()(c)
		c.Subject.CommonName, c.DNSNames, c.IPAddresses = hosts[0], nil, nil
		for _, h := range hosts {
			if ip := net.ParseIP(h); ip != nil {
				c.IPAddresses = append(c.IPAddresses, ip)
			} else {
				c.DNSNames = append(c.DNSNames, h)
			}
		}
	}
}

// asking is a client that trusts any certificate and asks for a name; it names none when it is an address.
func asking(serverName string) *tls.Config {
	return &tls.Config{ServerName: serverName, InsecureSkipVerify: true, Time: func() time.Time { return noon }}
}

// served returns the common name and the kind of key that a client is shown.
func served(t *testing.T, s *Store, client *tls.Config) (string, error) {
	t.Helper()
	state, err := shakeHands(t, configOf(s), client)
	if err != nil {
		return "", err
	}
	leaf := state.PeerCertificates[0]
	return leaf.Subject.CommonName + " " + strings.Fields(keyName(leaf))[0], nil
}

// severalNames is a store with a default, a wildcard below it, a name in the wildcard's domain, and
// another site.
func severalNames(t *testing.T, policy Policy) *Store {
	t.Helper()
	return newStore(t, policy,
		pairOf(t, issue(t, nil, forHosts("default.example", "192.0.2.1"))),
		pairOf(t, issue(t, nil, forHosts("*.example.org", "example.org"))),
		pairOf(t, issue(t, nil, forHosts("special.example.org"))),
		pairOf(t, issue(t, nil, forHosts("Other.example", "192.0.2.2"))),
	)
}

func TestChoiceByName(t *testing.T) {
	lax, strict := severalNames(t, usual), severalNames(t, Policy{MinVersion: "1.2", SNIStrict: true, Tickets: true})
	for _, c := range []struct {
		asks, want string
		strict     bool // served by the strict one too
	}{
		{"default.example", "default.example ECDSA", true},
		{"other.example", "Other.example ECDSA", true},
		{"OTHER.example", "Other.example ECDSA", true},
		{"special.example.org", "special.example.org ECDSA", true},
		{"example.org", "*.example.org ECDSA", true},
		{"any.example.org", "*.example.org ECDSA", true},
		{"two.labels.example.org", "default.example ECDSA", false},
		{"unknown.example", "default.example ECDSA", false},
		{"192.0.2.2", "default.example ECDSA", false}, // an address is not sent as a name
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			client := asking(c.asks)
			client.MaxVersion = version
			got, err := served(t, lax, client)
			if err != nil || got != c.want {
				t.Errorf("%s: got %q, %v; want %q", c.asks, got, err, c.want)
			}
			got, err = served(t, strict, client)
			if !c.strict {
				wantAlert(t, err, alertUnrecognizedName)
			} else if err != nil || got != c.want {
				t.Errorf("%s, strict: got %q, %v; want %q", c.asks, got, err, c.want)
			}
		}
	}
}

func TestECDSABeforeRSAByWhatTheClientTakes(t *testing.T) {
	rsaFirst := []*Pair{
		pairOf(t, issueFor(t, rsaKey(t, 2048), nil, server())),
		pairOf(t, issue(t, nil, server())),
	}
	ecdsaOnly := []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	rsaOnly := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	s := newStore(t, usual, rsaFirst...)
	for _, c := range []struct {
		name    string
		version uint16
		suites  []uint16
		want    string
	}{
		{"TLS 1.3", tls.VersionTLS13, nil, "www.example.org ECDSA"},
		{"TLS 1.2", tls.VersionTLS12, nil, "www.example.org ECDSA"},
		{"TLS 1.2, ECDSA alone", tls.VersionTLS12, ecdsaOnly, "www.example.org ECDSA"},
		{"TLS 1.2, RSA alone", tls.VersionTLS12, rsaOnly, "www.example.org RSA"},
	} {
		for _, asks := range []string{"www.example.org", "unknown.example", "192.0.2.1"} {
			client := asking(asks)
			client.MaxVersion, client.CipherSuites = c.version, c.suites
			if got, err := served(t, s, client); err != nil || got != c.want {
				t.Errorf("%s, asking for %s: got %q, %v; want %q", c.name, asks, got, err, c.want)
			}
		}
	}
	alone := newStore(t, usual, pairOf(t, issue(t, nil, server())))
	client := asking("www.example.org")
	client.MaxVersion, client.CipherSuites = tls.VersionTLS12, rsaOnly
	if _, err := served(t, alone, client); err == nil {
		t.Error("a client that takes RSA alone was served ECDSA")
	}
}

func TestTheDefaultIsTheOneThatWasSaid(t *testing.T) {
	s := newStore(t, usual)
	s.SetFiles([]*Pair{pairOf(t, issue(t, nil, forHosts("a.example"))), pairOf(t, issue(t, nil, forHosts("b.example")))}, 1)
	if got, err := served(t, s, asking("c.example")); err != nil || got != "b.example ECDSA" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestACMECertificatesComeAndGo(t *testing.T) {
	s := newStore(t, usual)
	s.SetACME("b.example", pairOf(t, issue(t, nil, forHosts("b.example"))))
	s.SetACME("A.example", pairOf(t, issue(t, nil, forHosts("a.example"))))
	want := func(asks, want string) {
		t.Helper()
		if got, err := served(t, s, asking(asks)); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", asks, got, err, want)
		}
	}
	want("a.example", "a.example ECDSA")
	want("unknown.example", "b.example ECDSA") // the first that came
	s.SetACMEHosts([]string{"c.example", "a.example", "b.example"})
	want("unknown.example", "a.example ECDSA") // the first of the configuration that has one
	s.SetACMEHosts([]string{"b.example", "a.example"})
	want("unknown.example", "b.example ECDSA")
	renewed := pairOf(t, issue(t, nil, forHosts("a.example"), valid(noon, noon.Add(time.Hour*24*90))))
	s.SetACME("a.example", renewed)
	if all := s.Certificates(); len(all) != 2 || all[1].SHA256 != renewed.Info().SHA256 {
		t.Errorf("there are %+v", all)
	}

	s.SetFiles([]*Pair{pairOf(t, issue(t, nil, forHosts("a.example", "file.example")))}, 0)
	state, err := shakeHands(t, configOf(s), asking("a.example"))
	if err != nil || len(state.PeerCertificates[0].DNSNames) != 2 {
		t.Errorf("the file's certificate does not win: %v", err)
	}
	want("unknown.example", "a.example ECDSA")
	s.SetACME("b.example", nil)
	s.SetACME("never.example", nil)
	want("b.example", "a.example ECDSA")
}

// placeholderFor is a self-signed certificate made at noon.
func placeholderFor(t *testing.T, host string) *Pair {
	t.Helper()
	p, err := Placeholder(noon, host)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestARealCertificateBeatsAPlaceholderAndThatAnExpiredOne(t *testing.T) {
	const host = "push.example.org"
	const placeholder = "hassesd, self-signed until ACME succeeds ECDSA"
	genuine := pairOf(t, issue(t, nil, forHosts(host)))
	realRSA := pairOf(t, issueFor(t, rsaKey(t, 2048), nil, forHosts(host)))
	wildcard := pairOf(t, issueFor(t, rsaKey(t, 2048), nil, forHosts("*.example.org")))
	other := pairOf(t, issue(t, nil, forHosts("other.example")))
	// They expire an hour after noon.
	hour := valid(noon.Add(-time.Hour), noon.Add(time.Hour))
	expiring := pairOf(t, issue(t, nil, forHosts(host), hour))
	// They begin an hour after noon.
	later := valid(noon.Add(time.Hour), noon.Add(99*24*time.Hour))
	future := pairOf(t, issue(t, nil, forHosts(host), later))
	futureWildcard := pairOf(t, issue(t, nil, forHosts("*.example.org"), later))
	expiringWildcard := pairOf(t, issue(t, nil, forHosts("*.example.org"), hour))
	for _, c := range []struct {
		name  string
		files []*Pair
		acme  *Pair
		at    time.Duration // after noon
		asks  string
		want  string
	}{
		{"RSA of a file before a placeholder", []*Pair{realRSA}, placeholderFor(t, host), 0, host, host + " RSA"},
		{"a wildcard of a file before an exact placeholder", []*Pair{wildcard}, placeholderFor(t, host), 0, host, "*.example.org RSA"},
		{"ACME before a wildcard", []*Pair{wildcard}, genuine, 0, host, host + " ECDSA"},
		{"ACME before a wildcard, until it expires", []*Pair{wildcard}, expiring, time.Hour, host, host + " ECDSA"},
		{"a wildcard before an expired one", []*Pair{wildcard}, expiring, 2 * time.Hour, host, "*.example.org RSA"},
		{"ACME before an expired file", []*Pair{expiring}, realRSA, 2 * time.Hour, host, host + " RSA"},
		{"a placeholder before an expired file", []*Pair{expiring}, placeholderFor(t, host), 2 * time.Hour, host, placeholder},
		{"a placeholder before an expired wildcard", []*Pair{expiringWildcard}, placeholderFor(t, host), 2 * time.Hour, host, placeholder},
		{"RSA of a file before what is not valid yet", []*Pair{future, realRSA}, nil, 0, host, host + " RSA"},
		{"what was not valid yet, when it is", []*Pair{future, realRSA}, nil, time.Hour, host, host + " ECDSA"},
		{"a wildcard before what is not valid yet", []*Pair{future, wildcard}, nil, 0, host, "*.example.org RSA"},
		{"ACME before a file that is not valid yet", []*Pair{future}, realRSA, 0, host, host + " RSA"},
		{"what is not valid yet before a placeholder", []*Pair{future}, placeholderFor(t, host), 0, host, host + " ECDSA"},
		{"what is not valid yet before what has expired", []*Pair{futureWildcard}, expiring, -2 * time.Hour, host, host + " ECDSA"},
		{"an expired one before nothing", []*Pair{other, expiring}, nil, 2 * time.Hour, host, host + " ECDSA"},
		{"a placeholder before the default", []*Pair{other}, placeholderFor(t, host), 0, host, placeholder},
		{"the default is the file's, whatever there is", []*Pair{expiring}, placeholderFor(t, "x.example"), 2 * time.Hour, "y.example", host + " ECDSA"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(t, usual)
			s.now = func() time.Time { return noon.Add(c.at) }
			s.SetFiles(c.files, 0)
			s.SetACME(host, c.acme)
			if got, err := served(t, s, asking(c.asks)); err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestAnIssuedCertificateThatIsNotValidYetWaits(t *testing.T) {
	const host = "push.example.org"
	now := noon
	s := newStore(t, usual)
	s.now = func() time.Time { return now }
	before := pairOf(t, issue(t, nil, forHosts(host)))
	next := pairOf(t, issue(t, nil, forHosts(host), valid(noon.Add(time.Hour), noon.Add(99*24*time.Hour))))
	shows := func(want *Pair, count int) {
		t.Helper()
		for _, asks := range []string{host, "unknown.example"} {
			state, err := shakeHands(t, configOf(s), asking(asks))
			if err != nil || !state.PeerCertificates[0].Equal(want.certificate.Leaf) {
				t.Errorf("%s is shown the wrong certificate, %v", asks, err)
			}
		}
		if s.Default() != want || len(s.Certificates()) != count {
			t.Errorf("the default is the wrong one, or there are %d and not %d", len(s.Certificates()), count)
		}
	}
	s.SetACME(host, before)
	s.SetACME(host, next)
	shows(before, 2)
	s.SetACME(host, next) // the cache is looked at again
	shows(before, 2)
	now = noon.Add(time.Hour)
	shows(next, 1)
	now = noon
	s.SetACME(host, nil)
	s.SetACME(host, next)
	shows(next, 1)
}

func TestTheDefaultIsPreferablyARealOne(t *testing.T) {
	s := newStore(t, usual)
	s.now = func() time.Time { return noon }
	s.SetACMEHosts([]string{"a.example", "b.example"})
	s.SetACME("a.example", placeholderFor(t, "a.example"))
	s.SetACME("b.example", pairOf(t, issue(t, nil, forHosts("b.example"))))
	want := func(want string) {
		t.Helper()
		if got, err := served(t, s, asking("unknown.example")); err != nil || got != want || s.Default().Info().Names[0]+" ECDSA" != want {
			t.Errorf("got %q, %v, and %v; want %q", got, err, s.Default().Info().Names, want)
		}
	}
	want("b.example ECDSA")
	s.SetACME("a.example", pairOf(t, issue(t, nil, forHosts("a.example"))))
	want("a.example ECDSA")
}

func TestHostsAreThoseOfTheCertificatesShown(t *testing.T) {
	s := newStore(t, usual)
	s.now = func() time.Time { return noon.Add(2 * time.Hour) }
	s.SetFiles([]*Pair{
		pairOf(t, issue(t, nil, forHosts("default.example"))),
		pairOf(t, issue(t, nil, forHosts("a.example", "old.example"), valid(noon.Add(-time.Hour), noon.Add(time.Hour)))),
	}, 0)
	s.SetACME("a.example", pairOf(t, issue(t, nil, forHosts("a.example"))))
	if !serves(s, "a.example", "a.example") || serves(s, "a.example", "old.example") {
		t.Error("a request is served for a host that only the certificate in the background has")
	}
}

func TestWhatWasAgreedHoldsForTheConnection(t *testing.T) {
	s := newStore(t, usual, pairOf(t, issue(t, nil, forHosts("a.example", "b.example"))))
	_, before := s.Config()
	s.SetFiles([]*Pair{pairOf(t, issue(t, nil, forHosts("a.example"))), pairOf(t, issue(t, nil, forHosts("b.example")))}, 0)
	if !before("a.example", "b.example") {
		t.Error("a client that was shown a certificate for both hosts is sent away")
	}
	if serves(s, "a.example", "b.example") {
		t.Error("a new connection may ask for the other certificate's host")
	}
}

func TestChallengesAreAnsweredWhileTheyArePending(t *testing.T) {
	answer := issue(t, nil, forHosts("new.example"))
	challenge := &tls.Certificate{Certificate: [][]byte{answer.cert.Raw}, PrivateKey: answer.key}
	s := severalNames(t, usual)
	ask := func(name string, protocols ...string) (tls.ConnectionState, error) {
		t.Helper()
		client := asking(name)
		client.NextProtos = protocols
		return shakeHands(t, configOf(s), client)
	}
	if _, err := ask("new.example", "acme-tls/1"); err == nil {
		t.Error("acme-tls/1 is offered without an order")
	}
	s.SetChallenge("New.example", challenge)
	state, err := ask("new.example", "acme-tls/1")
	if err != nil || state.NegotiatedProtocol != "acme-tls/1" || !state.PeerCertificates[0].Equal(answer.cert) {
		t.Errorf("got %q, %v", state.NegotiatedProtocol, err)
	}
	for _, other := range []string{"default.example", "unknown.example"} {
		_, err = ask(other, "acme-tls/1")
		wantAlert(t, err, alertUnrecognizedName)
	}
	state, err = ask("new.example", "acme-tls/1", "http/1.1")
	if err != nil || state.NegotiatedProtocol != "http/1.1" || state.PeerCertificates[0].Equal(answer.cert) {
		t.Errorf("a browser got %q, %v", state.NegotiatedProtocol, err)
	}
	s.SetChallenge("new.example", nil)
	if _, err := ask("new.example", "acme-tls/1"); err == nil {
		t.Error("acme-tls/1 is offered after the order")
	}
}

func TestAChallengeLeavesSessionsAlone(t *testing.T) {
	s := newStore(t, usual, pairOf(t, issue(t, nil, server())))
	client := asking("www.example.org")
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for i, change := range []func(){
		func() {},
		func() { s.SetChallenge("x.example", &tls.Certificate{}) },
		func() { s.SetChallenge("x.example", nil) },
	} {
		change()
		state, err := shakeHands(t, configOf(s), client)
		if err != nil || state.DidResume != (i > 0) {
			t.Errorf("connection %d: resumed %v, %v", i+1, state.DidResume, err)
		}
	}
}

// TestServes is the rule for the Host of a request.
func TestServes(t *testing.T) {
	several := severalNames(t, usual)
	strict := severalNames(t, Policy{MinVersion: "1.2", SNIStrict: true})
	one := newStore(t, usual, pairOf(t, issue(t, nil, forHosts("localhost", "127.0.0.1"))))
	bench := newStore(t, usual, pairOf(t, issue(t, nil, func(c *x509.Certificate) { c.Subject.CommonName = "localhost" })))
	nameless := newStore(t, usual, pairOf(t, issue(t, nil, forHosts("192.0.2.1"))))
	for _, c := range []struct {
		name             string
		s                *Store
		serverName, host string
		want             bool
	}{
		{"the name asked for", several, "default.example", "default.example", true},
		{"with a port", several, "default.example", "default.example:8443", true},
		{"in capitals, with the root's dot", several, "default.example", "DEFAULT.Example.:443", true},
		{"another certificate's name", several, "default.example", "other.example", false},
		{"another name of the same certificate", several, "example.org", "a.example.org", true},
		{"two names of a wildcard", several, "a.example.org", "b.example.org", true},
		{"a name in the wildcard's domain with a certificate of its own", several, "special.example.org", "a.example.org", false},
		{"a wildcard is for one label", several, "a.example.org", "a.b.example.org", false},
		{"nobody's name", several, "default.example", "unknown.example", false},
		{"an unknown name, shown the default", several, "unknown.example", "unknown.example", true},
		{"an unknown name, for another certificate's", several, "unknown.example", "other.example", false},
		{"an unknown name, for the default's", several, "unknown.example", "default.example", true},
		{"an unknown name, strict: resumed and then renamed", strict, "unknown.example", "x", true},
		{"no name, the default's", several, "", "default.example", true},
		{"no name, nobody's", several, "", "unknown.example", true},
		{"no name, another certificate's", several, "", "other.example", false},
		{"no name, within another's wildcard", several, "", "x.example.org", false},
		{"no name, an address", several, "", "203.0.113.9:8443", true},
		{"no name, the default's address", several, "", "192.0.2.1", true},
		{"no name, another certificate's address", several, "", "192.0.2.2", true},
		{"a name, its own address", several, "other.example", "192.0.2.2", true},
		{"no host", several, "default.example", "", true},
		{"a port alone", several, "default.example", ":8443", true},
		{"curl https://127.0.0.1", one, "", "127.0.0.1:8443", true},
		{"curl https://[::1]", one, "", "[::1]:8443", true},
		{"a tunnel's other end", one, "", "push.example", true},
		{"a bench that asks for localhost and says 127.0.0.1", one, "localhost", "127.0.0.1:8443", true},
		{"a bench that asks for localhost and says another", one, "localhost", "push.example", false},
		{"a common name alone, by name", bench, "localhost", "localhost:9443", true},
		{"a common name alone, by address", bench, "", "127.0.0.1:9443", true},
		{"a certificate for an address, by name", nameless, "push.example", "push.example", true},
	} {
		if got := serves(c.s, c.serverName, c.host); got != c.want {
			t.Errorf("%s: asked for %q, host %q: %v, want %v", c.name, c.serverName, c.host, got, c.want)
		}
	}
}

func BenchmarkServes(b *testing.B) {
	s, err := NewStore(usual)
	if err != nil {
		b.Fatal(err)
	}
	p, err := Development(noon)
	if err != nil {
		b.Fatal(err)
	}
	s.SetFiles([]*Pair{p}, 0)
	for b.Loop() {
		if !serves(s, "localhost", "localhost:8443") {
			b.Fatal("misdirected")
		}
	}
}
