package acmecert

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/certs"
)

// fakeStore remembers what it was handed.
type fakeStore struct {
	mu         sync.Mutex
	pairs      map[string]*certs.Pair
	challenges map[string]*tls.Certificate
	puts       int
	order      []string
}

func newFakeStore() *fakeStore {
	return &fakeStore{pairs: map[string]*certs.Pair{}, challenges: map[string]*tls.Certificate{}}
}

func (s *fakeStore) SetACMEHosts(hosts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order = hosts
}

func (s *fakeStore) SetACME(host string, p *certs.Pair) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pairs[host] = p
	s.puts++
}

func (s *fakeStore) SetChallenge(host string, c *tls.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c == nil {
		delete(s.challenges, host)
		return
	}
	s.challenges[host] = c
}

func (s *fakeStore) pair(host string) *certs.Pair {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pairs[host]
}

// count is how many certificates it was handed.
func (s *fakeStore) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.puts
}

func (s *fakeStore) challenge(host string) *tls.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.challenges[host]
}

// optionsFor are those of a manager of a.example that asks the authority.
func optionsFor(t *testing.T, ca *fakeCA) (Options, *fakeStore) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "acme")
	if err := PrepareCache(dir, -1, -1); err != nil {
		t.Fatal(err)
	}
	store := newFakeStore()
	o := Options{
		Hosts: []string{"a.example"}, CacheDir: dir, Challenges: []Challenge{TLSALPN01, HTTP01},
		Store: store, Logger: slog.New(slog.DiscardHandler), Directory: "https://ca.example/dir",
	}
	if ca != nil {
		o.Directory, o.Roots = ca.directory(), ca.roots()
	}
	return o, store
}

// newAuthority is the real issuer in front of the fake server.
func newAuthority(t *testing.T, o Options) *authority {
	t.Helper()
	m, err := New(o, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	a, ok := m.issuer.(*authority)
	if !ok {
		t.Fatalf("the issuer is a %T", m.issuer)
	}
	return a
}

func TestIssueByTLSALPN01(t *testing.T) {
	ca := newFakeCA(t)
	o, store := optionsFor(t, ca)
	ca.validate = func(challenge, host, token string) error {
		c := store.challenge(host)
		switch {
		case challenge != "tls-alpn-01":
			return fmt.Errorf("challenge %s", challenge)
		case c == nil:
			return errors.New("there is no challenge certificate when the authority looks")
		}
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			return err
		}
		if !slices.Equal(leaf.DNSNames, []string{host}) {
			return fmt.Errorf("challenge certificate is for %q", leaf.DNSNames)
		}
		identifier := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31} // RFC 8737 section 6.1
		if !slices.ContainsFunc(leaf.Extensions, func(e pkix.Extension) bool { return e.Critical && e.Id.Equal(identifier) }) {
			return errors.New("challenge certificate without acmeIdentifier")
		}
		return nil
	}
	text, used, err := newAuthority(t, o).issue(t.Context(), "a.example", TLSALPN01)
	if err != nil {
		t.Fatal(err)
	}
	if used != TLSALPN01 {
		t.Errorf("used %q", used)
	}
	pair, have, err := check(text, "a.example", time.Now(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if chain := strings.Count(string(pair.PEM()), "BEGIN CERTIFICATE"); chain != 2 || have.to.Before(time.Now().Add(89*day)) {
		t.Errorf("%d certificates in the chain, valid until %s", chain, have.to)
	}
	if c := store.challenge("a.example"); c != nil {
		t.Error("the challenge certificate is still served")
	}
}

func TestIssueByHTTP01(t *testing.T) {
	ca := newFakeCA(t)
	o, _ := optionsFor(t, ca)
	a := newAuthority(t, o)
	ca.validate = func(challenge, _, token string) error {
		if answer, ok := a.answers.Lookup(token); challenge != "http-01" || !ok || !strings.HasPrefix(answer, token+".") {
			return fmt.Errorf("%s is answered by %q, %v", challenge, answer, ok)
		}
		return nil
	}
	if _, used, err := a.issue(t.Context(), "a.example", HTTP01); err != nil || used != HTTP01 {
		t.Fatalf("used %q, %v", used, err)
	}
	if answer, ok := a.answers.Lookup("token0"); ok {
		t.Errorf("%q is still there", answer)
	}
}

func TestAnAuthorizationThatIsStillValidIsNotProvedAgain(t *testing.T) {
	ca := newFakeCA(t)
	o, _ := optionsFor(t, ca)
	ca.refuse = func(path string, _ http.ResponseWriter) (int, string) {
		if strings.HasPrefix(path, "/authz/") {
			ca.orders[0].authz, ca.orders[0].status = "valid", "ready"
		}
		return 0, ""
	}
	ca.validate = func(string, string, string) error { return errors.New("nobody should have asked") }
	if _, used, err := newAuthority(t, o).issue(t.Context(), "a.example", TLSALPN01); err != nil || used != "" {
		t.Fatalf("used %q, %v", used, err)
	}
}

func TestTheAccountIsOursForEver(t *testing.T) {
	ca := newFakeCA(t)
	o, _ := optionsFor(t, ca)
	o.Email = "hostmaster@example.org"
	o.EABKeyID, o.EABKey = "kid-1", []byte("secret")
	a := newAuthority(t, o)
	issue := func(a *authority, host string) {
		t.Helper()
		if _, _, err := a.issue(t.Context(), host, TLSALPN01); err != nil {
			t.Fatal(err)
		}
	}
	issue(a, "a.example")
	if !ca.binding || !slices.Equal(ca.contact, []string{"mailto:hostmaster@example.org"}) {
		t.Errorf("external account bound: %v, contact %q", ca.binding, ca.contact)
	}
	before, err := os.ReadFile(filepath.Join(a.cache.dir, accountFile))
	if err != nil {
		t.Fatal(err)
	}
	issue(newAuthority(t, o), "b.example")
	after, err := os.ReadFile(filepath.Join(a.cache.dir, accountFile))
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Error("the account key was replaced")
	}
	if ca.accounts != 1 || ca.updates != 0 || ca.looks != 2 {
		t.Errorf("%d accounts made, %d updates and %d looks, want 1, 0 and 2", ca.accounts, ca.updates, ca.looks)
	}

	o.Email = "other@example.org"
	issue(newAuthority(t, o), "c.example")
	if ca.accounts != 1 || !slices.Equal(ca.contact, []string{"mailto:other@example.org"}) {
		t.Errorf("%d accounts, contact %q after the address has changed", ca.accounts, ca.contact)
	}
	ca.contactProblem = "no such domain"
	o.Email = "typo@example.ogr"
	issue(newAuthority(t, o), "d.example") // a bad address keeps nobody from a certificate

	ca.accounts = 0 // the authority has forgotten us
	issue(newAuthority(t, o), "e.example")
	if ca.accounts != 1 || !ca.binding {
		t.Errorf("%d accounts, bound: %v, after the authority has forgotten us", ca.accounts, ca.binding)
	}
}

func TestAnAccountOfNoUseIsNamed(t *testing.T) {
	ca := newFakeCA(t)
	o, _ := optionsFor(t, ca)
	a := newAuthority(t, o)
	if _, _, err := a.issue(t.Context(), "a.example", TLSALPN01); err != nil {
		t.Fatal(err)
	}
	ca.accountStatus = "deactivated"
	_, _, err := a.issue(t.Context(), "b.example", TLSALPN01)
	if want := "the account is deactivated; remove " + filepath.Join(a.cache.dir, accountFile); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	if len(ca.orders) != 1 {
		t.Errorf("%d orders", len(ca.orders))
	}
}

func TestBadNoncesAreTriedAgain(t *testing.T) {
	ca := newFakeCA(t)
	o, _ := optionsFor(t, ca)
	n := 0
	ca.refuse = func(path string, _ http.ResponseWriter) (int, string) {
		if n++; n%3 == 0 && path != "/dir" && path != "/nonce" {
			return 400, "badNonce"
		}
		return 0, ""
	}
	if _, _, err := newAuthority(t, o).issue(t.Context(), "a.example", TLSALPN01); err != nil {
		t.Fatal(err)
	}
	if len(ca.orders) != 1 {
		t.Errorf("%d orders, want 1", len(ca.orders))
	}
}

func TestAFailedIssueSaysWhy(t *testing.T) {
	at := func(prefix string, status int, problem, retryAfter string) func(string, http.ResponseWriter) (int, string) {
		return func(path string, w http.ResponseWriter) (int, string) {
			if !strings.HasPrefix(path, prefix) {
				return 0, ""
			}
			if retryAfter != "" {
				w.Header().Set("Retry-After", retryAfter)
			}
			return status, problem
		}
	}
	for _, c := range []struct {
		name   string
		change func(ca *fakeCA)
		want   string
		wait   time.Duration // that the authority asked for
	}{
		{"no account", func(ca *fakeCA) { ca.refuse = at("/account", 403, "externalAccountRequired", "") }, "register an account: 403", 0},
		{"rate limit", func(ca *fakeCA) { ca.refuse = at("/order", 429, "rateLimited", "7200") }, "order: 429", 2 * time.Hour},
		{"name refused", func(ca *fakeCA) { ca.refuse = at("/order", 400, "rejectedIdentifier", "") }, "order: 400 urn:ietf:params:acme:error:rejectedIdentifier", 0},
		{"out of order", func(ca *fakeCA) { ca.refuse = at("/order", 503, "serverInternal", "3600") }, "order: 503", time.Hour},
		{"challenge failed", func(ca *fakeCA) {
			ca.validate = func(string, string, string) error { return errors.New("connection refused") }
		}, "challenge tls-alpn-01: acme: authorization error for a.example: 0 urn:ietf:params:acme:error:unauthorized: connection refused", 0},
		{"challenge not offered", func(ca *fakeCA) { ca.types = []string{"dns-01", "http-01"} }, "the authority does not offer tls-alpn-01, but dns-01, http-01", 0},
		{"not signed", func(ca *fakeCA) { ca.refuse = at("/finalize", 403, "badCSR", "") }, "get the certificate: 403", 0},
		{"stranger", func(ca *fakeCA) { ca.refuse = at("/dir", 404, "malformed", "") }, "register an account: 404", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			ca := newFakeCA(t)
			c.change(ca)
			o, store := optionsFor(t, ca)
			_, _, err := newAuthority(t, o).issue(t.Context(), "a.example", TLSALPN01)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			now := time.Now()
			if got := retryAfter(err, now); c.wait == 0 && !got.IsZero() || c.wait > 0 && !got.Equal(now.Add(c.wait)) {
				t.Errorf("to be tried again at %s, want in %s", got, c.wait)
			}
			if store.challenge("a.example") != nil {
				t.Error("the challenge certificate is still served")
			}
		})
	}
}

func TestAnAuthorityWithAnotherRootIsNotSpokenTo(t *testing.T) {
	ca := newFakeCA(t)
	o, _ := optionsFor(t, ca)
	o.Roots = x509.NewCertPool()
	if _, _, err := newAuthority(t, o).issue(t.Context(), "a.example", TLSALPN01); err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
		t.Errorf("got %v", err)
	}
}
