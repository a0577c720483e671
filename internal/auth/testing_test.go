package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// now is when all tests happen.
var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

const (
	secretText  = "correct-horse-battery-staple-0123456789"
	anotherText = "another-secret-that-is-long-enough-9876543210"
)

var visitor = netip.MustParseAddr("192.0.2.7")

// signers is one key of each asymmetric kind, made once.
var signers = sync.OnceValue(func() map[Algorithm]crypto.Signer {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	_, d, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return map[Algorithm]crypto.Signer{HS256: nil, RS256: r, ES256: e, EdDSA: d}
})

func publicPEM(t testing.TB, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func privatePEM(t testing.TB, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// signingKey is the test's key for the algorithm.
func signingKey(t testing.TB, id string, alg Algorithm) SigningKey {
	t.Helper()
	file := []byte(secretText)
	if alg != HS256 {
		file = privatePEM(t, signers()[alg])
	}
	k, err := NewSigningKey(id, alg, file)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// tokenKey is its other half, as the daemon reads it.
func tokenKey(t testing.TB, id string, alg Algorithm) TokenKey {
	t.Helper()
	file := []byte(secretText + "\n")
	if alg != HS256 {
		file = publicPEM(t, signers()[alg].Public())
	}
	k, err := NewTokenKey(id, alg, file)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func tokens(t testing.TB, o TokenOptions) *Tokens {
	t.Helper()
	v, err := NewTokens(o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// mint makes a token for an hour.
func mint(t testing.TB, key SigningKey, m Mint) string {
	t.Helper()
	if m.Expires.IsZero() {
		m.Expires = now.Add(time.Hour)
	}
	text, err := m.Token(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func encode(text string) string { return base64URL([]byte(text)) }

func base64URL(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// forge makes a token of exactly this header and these claims, signed with HS256.
func forge(t testing.TB, header, claims string) string {
	t.Helper()
	k, err := NewURLKey("", []byte(secretText))
	if err != nil {
		t.Fatal(err)
	}
	text := encode(header) + "." + encode(claims)
	return text + "." + base64URL(k.mac(text))
}

const (
	plainHeader = `{"alg":"HS256"}`
	// soon is an hour after now.
	soon = `1772359200`
)

func urlKey(t testing.TB, id, text string) URLKey {
	t.Helper()
	k, err := NewURLKey(id, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func policy(t testing.TB, o Options) *Policy {
	t.Helper()
	p, err := NewPolicy(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wantDenial(t testing.TB, err error, want Denial) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want: %v", err, want)
	}
}
