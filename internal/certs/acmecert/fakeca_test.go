package acmecert

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeCA is an ACME server (RFC 8555) that believes every signature. Each order has one name.
type fakeCA struct {
	t      *testing.T
	server *httptest.Server
	key    crypto.Signer
	root   *x509.Certificate

	// validate says whether the host answers the challenge; the answer for token is what it must
	// see.
	validate func(challenge, host, token string) error
	// refuse is asked first about each request; a status over 0 ends it.
	refuse func(path string, w http.ResponseWriter) (status int, problem string)
	types  []string      // challenges that are offered
	life   time.Duration // of certificates
	window string        // renewal information for every certificate; empty: none

	contactProblem string // with a change of the contact; empty: none
	accountStatus  string // empty: valid

	mu       sync.Mutex
	accounts int  // that were made
	looks    int  // whether there is one
	updates  int  // of the one there is
	binding  bool // the last account was bound to an external one
	contact  []string
	orders   []*fakeOrder
	nonces   int
	renewals []string // certificates whose renewal was asked about
}

type fakeOrder struct {
	host      string
	status    string
	authz     string // its status
	challenge string // that was tried
	problem   string
	chain     []byte
}

func newFakeCA(t *testing.T) *fakeCA {
	t.Helper()
	ca := newSigner(t)
	ca.server = httptest.NewTLSServer(ca)
	t.Cleanup(ca.server.Close)
	return ca
}

// newSigner is an authority without a server.
func newSigner(t *testing.T) *fakeCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fake root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * day), KeyUsage: x509.KeyUsageCertSign,
		SubjectKeyId: []byte{1, 2, 3, 4},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &fakeCA{
		t: t, key: key, root: root, life: 90 * day, types: []string{"http-01", "dns-01", "tls-alpn-01"},
		validate: func(string, string, string) error { return nil },
		refuse:   func(string, http.ResponseWriter) (int, string) { return 0, "" },
	}
}

func (ca *fakeCA) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.server.Certificate())
	return pool
}

func (ca *fakeCA) directory() string { return ca.server.URL + "/dir" }

func (ca *fakeCA) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.nonces++
	w.Header().Set("Replay-Nonce", fmt.Sprint("nonce", ca.nonces))
	if status, problem := ca.refuse(r.URL.Path, w); status > 0 {
		ca.problem(w, status, problem, "as the test wants it")
		return
	}
	kind, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	number, name := 0, ""
	_, _ = fmt.Sscanf(id, "%d/%s", &number, &name)
	payload := ca.payload(r)
	switch kind {
	case "dir":
		directory := map[string]any{
			"newNonce": ca.server.URL + "/nonce", "newAccount": ca.server.URL + "/account", "newOrder": ca.server.URL + "/order",
			"meta": map[string]any{"termsOfService": ca.server.URL + "/terms"},
		}
		if ca.window != "" {
			directory["renewalInfo"] = ca.server.URL + "/renewal"
		}
		ca.answer(w, 200, directory)
	case "renewal":
		ca.renewals = append(ca.renewals, id)
		w.Header().Set("Retry-After", "7200")
		_, _ = w.Write([]byte(ca.window))
	case "nonce":
	case "account":
		ca.account(w, id, payload)
	case "order":
		if id == "" {
			ca.newOrder(w, payload)
			return
		}
		ca.answer(w, 200, ca.orderJSON(number))
	case "authz":
		ca.answer(w, 200, ca.authzJSON(number))
	case "challenge":
		ca.challenge(w, number, name)
	case "finalize":
		ca.finalize(w, number, payload)
	case "cert":
		_, _ = w.Write(ca.orders[number].chain)
	default:
		ca.problem(w, 404, "malformed", "there is no "+r.URL.Path)
	}
}

// payload takes a JWS apart (RFC 7515 section 7.2.2), without looking at its signature.
func (ca *fakeCA) payload(r *http.Request) map[string]any {
	var jws struct{ Payload string }
	if r.Method != http.MethodPost || json.NewDecoder(r.Body).Decode(&jws) != nil {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(jws.Payload)
	if err != nil {
		ca.t.Errorf("%s: payload %q", r.URL.Path, jws.Payload)
	}
	var payload map[string]any
	_ = json.Unmarshal(text, &payload)
	return payload
}

func (ca *fakeCA) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (ca *fakeCA) problem(w http.ResponseWriter, status int, kind, detail string) {
	ca.answer(w, status, map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "detail": detail, "status": status})
}

// account answers a new account (RFC 8555 section 7.3), a look for one (7.3.1) and an update
// (7.3.2).
func (ca *fakeCA) account(w http.ResponseWriter, id string, payload map[string]any) {
	var contact []string
	if list, ok := payload["contact"].([]any); ok {
		for _, c := range list {
			contact = append(contact, fmt.Sprint(c))
		}
	}
	status := 200
	switch {
	case id != "":
		ca.updates++
		if ca.contactProblem != "" {
			ca.problem(w, 400, "invalidContact", ca.contactProblem)
			return
		}
		ca.contact = contact
	case payload["onlyReturnExisting"] == true:
		ca.looks++
		if ca.accounts == 0 {
			ca.problem(w, 400, "accountDoesNotExist", "who are you?")
			return
		}
	case payload["termsOfServiceAgreed"] != true:
		ca.problem(w, 403, "userActionRequired", "the terms were not agreed to")
		return
	default:
		_, ca.binding = payload["externalAccountBinding"]
		ca.contact = contact
		ca.accounts++
		status = 201
	}
	w.Header().Set("Location", ca.server.URL+"/account/1")
	ca.answer(w, status, map[string]any{"status": cmp.Or(ca.accountStatus, "valid"), "contact": ca.contact})
}

func (ca *fakeCA) newOrder(w http.ResponseWriter, payload map[string]any) {
	o := &fakeOrder{status: "pending", authz: "pending"}
	if ids, ok := payload["identifiers"].([]any); ok && len(ids) == 1 {
		if id, ok := ids[0].(map[string]any); ok {
			o.host = fmt.Sprint(id["value"])
		}
	}
	ca.orders = append(ca.orders, o)
	w.Header().Set("Location", fmt.Sprintf("%s/order/%d", ca.server.URL, len(ca.orders)-1))
	ca.answer(w, 201, ca.orderJSON(len(ca.orders)-1))
}

func (ca *fakeCA) orderJSON(i int) map[string]any {
	o := ca.orders[i]
	return map[string]any{
		"status":         o.status,
		"identifiers":    []any{map[string]any{"type": "dns", "value": o.host}},
		"authorizations": []string{fmt.Sprintf("%s/authz/%d", ca.server.URL, i)},
		"finalize":       fmt.Sprintf("%s/finalize/%d", ca.server.URL, i),
		"certificate":    fmt.Sprintf("%s/cert/%d", ca.server.URL, i),
	}
}

func (ca *fakeCA) authzJSON(i int) map[string]any {
	o := ca.orders[i]
	var challenges []any
	for _, kind := range ca.types {
		c := map[string]any{"type": kind, "url": fmt.Sprintf("%s/challenge/%d/%s", ca.server.URL, i, kind), "token": fmt.Sprint("token", i), "status": "pending"}
		if kind == o.challenge && o.problem != "" {
			c["error"] = map[string]any{"type": "urn:ietf:params:acme:error:unauthorized", "detail": o.problem}
		}
		challenges = append(challenges, c)
	}
	return map[string]any{"status": o.authz, "identifier": map[string]any{"type": "dns", "value": o.host}, "challenges": challenges}
}

func (ca *fakeCA) challenge(w http.ResponseWriter, i int, kind string) {
	o := ca.orders[i]
	o.challenge, o.authz, o.status = kind, "valid", "ready"
	if err := ca.validate(kind, o.host, fmt.Sprint("token", i)); err != nil {
		o.problem, o.authz, o.status = err.Error(), "invalid", "invalid"
	}
	ca.answer(w, 200, map[string]any{"type": kind, "status": "processing", "token": fmt.Sprint("token", i)})
}

func (ca *fakeCA) finalize(w http.ResponseWriter, i int, payload map[string]any) {
	o := ca.orders[i]
	der, _ := base64.RawURLEncoding.DecodeString(fmt.Sprint(payload["csr"]))
	request, err := x509.ParseCertificateRequest(der)
	if err != nil || o.status != "ready" || !slices.Equal(request.DNSNames, []string{o.host}) {
		ca.problem(w, 403, "orderNotReady", fmt.Sprintf("order is %s, request %v", o.status, err))
		return
	}
	o.chain = ca.sign(o.host, request.PublicKey, time.Now())
	o.status = "valid"
	ca.answer(w, 200, ca.orderJSON(i))
}

// sign issues a certificate from now on, and returns it with its root.
func (ca *fakeCA) sign(host string, public crypto.PublicKey, now time.Time) []byte {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: now.Add(-time.Second), NotAfter: now.Add(ca.life), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.root, public, ca.key)
	if err != nil {
		ca.t.Error(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.root.Raw})...)
}

// keyed returns a new key and a certificate for it, as an issuer does.
func (ca *fakeCA) keyed(host string, now time.Time) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		ca.t.Error(err)
	}
	text, err := encodeKey(key)
	if err != nil {
		ca.t.Error(err)
	}
	return append(text, ca.sign(host, key.Public(), now)...)
}
