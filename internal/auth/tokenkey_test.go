package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
)

func TestTokenKeysThatAreNone(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	long := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), maxRSA, 1), E: 65537}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	es := signers()[ES256]
	for _, tt := range []struct {
		name string
		alg  Algorithm
		file []byte
		want string
	}{
		{"a public key as a secret", HS256, publicPEM(t, es.Public()), "is PEM"},
		{"a private key where the public one is enough", ES256, privatePEM(t, es), "private key"},
		{"a key for another algorithm", RS256, publicPEM(t, es.Public()), "for ES256, not for RS256"},
		{"a short RSA key", RS256, publicPEM(t, small.Public()), "1024 bits"},
		{"a long RSA key", RS256, publicPEM(t, long), "4097 bits"},
		{"another curve", ES256, publicPEM(t, p384.Public()), "P-384"},
		{"a secret where a key in PEM is wanted", RS256, []byte(secretText), "no PEM"},
		{"an unknown algorithm", "none", publicPEM(t, es.Public()), "none of the algorithms"},
		{"an empty file", ES256, nil, "no PEM"},
		{"broken PEM", ES256, []byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), ""},
		{"a second key", ES256, append(publicPEM(t, es.Public()), publicPEM(t, es.Public())...), "several keys, in lines 1 and 5"},
		{"a second key cut off", ES256, append(publicPEM(t, es.Public()), "-----BEGIN PUBLIC KEY-----\nAAAA\n"...), "line 5"},
		{"a byte order mark", ES256, append([]byte("\ufeff"), publicPEM(t, es.Public())...), "byte order mark"},
		{"something else in PEM", ES256, []byte("-----BEGIN X-----\nAAAA\n-----END X-----\n"), "a PEM X"},
	} {
		if _, err := NewTokenKey("", tt.alg, tt.file); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestSigningKeyFindsItsAlgorithm(t *testing.T) {
	for _, alg := range Algorithms {
		file := []byte(secretText)
		if alg != HS256 {
			file = privatePEM(t, signers()[alg])
		}
		k, err := NewSigningKey("x", "", file)
		if err != nil || k.Algorithm != alg || k.ID != "x" {
			t.Errorf("%s: %+v, %v", alg, k, err)
		}
		if _, err := tokens(t, TokenOptions{Keys: []TokenKey{k.TokenKey}}).Read(mint(t, k, Mint{}), now); err != nil {
			t.Errorf("%s: its other half does not fit: %v", alg, err)
		}
	}
	for name, file := range map[string][]byte{
		"public": publicPEM(t, signers()[ES256].Public()), "short": []byte("short"), "other": []byte("-----BEGIN X-----\nAAAA\n-----END X-----\n"),
	} {
		if _, err := NewSigningKey("", "", file); err == nil {
			t.Errorf("%s: taken for a signing key", name)
		}
	}
	if _, err := NewSigningKey("", RS256, privatePEM(t, signers()[ES256])); err == nil {
		t.Error("a key signs for another algorithm")
	}
}

// jwkOf writes the public keys of the tests as a JWK set would.
func jwkOf(t testing.TB, alg Algorithm, more map[string]string) map[string]string {
	t.Helper()
	j := map[string]string{}
	switch k := tokenKey(t, "", alg).material.(type) {
	case *rsa.PublicKey:
		j = map[string]string{"kty": "RSA", "n": base64URL(k.N.Bytes()), "e": base64URL(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		j = map[string]string{"kty": "EC", "crv": "P-256", "x": base64URL(point[1:33]), "y": base64URL(point[33:])}
	case secret:
		j = map[string]string{"kty": "oct", "alg": "HS256", "k": base64URL(k())}
	case ed25519.PublicKey:
		j = map[string]string{"kty": "OKP", "crv": "Ed25519", "x": base64URL(k)}
	}
	for name, value := range more {
		if value == "" {
			delete(j, name)
		} else {
			j[name] = value
		}
	}
	return j
}

func jwks(t testing.TB, keys ...map[string]string) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestJWKSOfEachKind(t *testing.T) {
	for _, alg := range Algorithms {
		file := jwks(t, jwkOf(t, alg, map[string]string{"kid": "k1", "use": "sig", "x5t": "unknown"}))
		keys, passed, err := ParseJWKS(file)
		if err != nil || len(passed) > 0 || len(keys) != 1 || keys[0].ID != "k1" || keys[0].Algorithm != alg {
			t.Fatalf("%s: %+v, passed over %v, %v", alg, keys, passed, err)
		}
		if _, err := tokens(t, TokenOptions{Keys: keys}).Read(mint(t, signingKey(t, "k1", alg), Mint{}), now); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

// TestJWKSWithNamesOfAllKinds has names as issuers give them.
func TestJWKSWithNamesOfAllKinds(t *testing.T) {
	for _, kid := range []string{"vDmTYF1u/2Aw+x9=", "https://example.org/keys#1", "key 1", "Schlüssel", strings.Repeat("x", maxJWKName)} {
		keys, passed, err := ParseJWKS(jwks(t, jwkOf(t, ES256, map[string]string{"kid": kid})))
		if err != nil || len(passed) > 0 {
			t.Errorf("%q: passed over %v, %v", kid, passed, err)
			continue
		}
		key := signingKey(t, "", ES256)
		key.ID = kid
		if _, err := tokens(t, TokenOptions{Keys: keys}).Read(mint(t, key, Mint{}), now); err != nil {
			t.Errorf("%q: %v", kid, err)
		}
	}
}

func TestJWKSPassesOverWhatIsForSomethingElse(t *testing.T) {
	good := jwkOf(t, ES256, map[string]string{"kid": "good"})
	for name, bad := range map[string]map[string]string{
		"encryption":         jwkOf(t, ES256, map[string]string{"use": "enc"}),
		"another algorithm":  jwkOf(t, RS256, map[string]string{"alg": "PS256"}),
		"another curve":      jwkOf(t, ES256, map[string]string{"crv": "P-384"}),
		"an unknown kind":    jwkOf(t, ES256, map[string]string{"kty": "AKP"}),
		"no x":               jwkOf(t, ES256, map[string]string{"x": ""}),
		"x is not base64url": jwkOf(t, ES256, map[string]string{"x": "!"}),
		"off the curve":      jwkOf(t, ES256, map[string]string{"x": base64URL(make([]byte, 32))}),
		"a short x":          jwkOf(t, ES256, map[string]string{"x": "AAAA"}),
		"Ed448":              jwkOf(t, EdDSA, map[string]string{"crv": "Ed448"}),
		"exponent 1":         jwkOf(t, RS256, map[string]string{"e": "AQ"}),
		"a huge exponent":    jwkOf(t, RS256, map[string]string{"e": "AQAAAAAAAAAB"}),
		"a short modulus":    jwkOf(t, RS256, map[string]string{"n": "AQAB"}),
		"a short secret":     jwkOf(t, HS256, map[string]string{"k": "AAAA"}),
		"a secret for all":   jwkOf(t, HS256, map[string]string{"alg": ""}),
		"a bad name":         jwkOf(t, ES256, map[string]string{"kid": "a\nb"}),
		"a long name":        jwkOf(t, ES256, map[string]string{"kid": strings.Repeat("x", maxJWKName+1)}),
	} {
		keys, passed, err := ParseJWKS(jwks(t, bad, good))
		if err != nil || len(keys) != 1 || keys[0].ID != "good" || len(passed) != 1 {
			t.Errorf("%s: %+v, passed over %v, %v", name, keys, passed, err)
		}
		if _, _, err := ParseJWKS(jwks(t, bad)); err == nil {
			t.Errorf("%s: a set without any other key is accepted", name)
		}
	}
}

func TestJWKSThatAreNone(t *testing.T) {
	private := jwks(t, jwkOf(t, ES256, nil), jwkOf(t, ES256, map[string]string{"d": "AAAA"}))
	for name, file := range map[string][]byte{
		"no JSON": []byte("x"), "empty": nil, "no keys": []byte(`{}`), "keys are no list": []byte(`{"keys":{}}`), "null": []byte(`{"keys":[null]}`),
		"a private key": private, "a member twice": []byte(`{"keys":[{"kty":"oct","kty":"EC"}]}`), "a number": []byte(`{"keys":[{"kty":1}]}`),
	} {
		if keys, _, err := ParseJWKS(file); err == nil {
			t.Errorf("%s: %+v", name, keys)
		}
	}
}

func FuzzJWKS(f *testing.F) {
	for _, alg := range Algorithms {
		f.Add(jwks(f, jwkOf(f, alg, map[string]string{"kid": "x"})))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		keys, _, err := ParseJWKS(file)
		if (err == nil) != (len(keys) > 0) {
			t.Fatalf("%d keys and %v", len(keys), err)
		}
		for _, k := range keys {
			if k.material == nil || k.Algorithm == "" {
				t.Fatalf("%+v is no key", k)
			}
		}
	})
}
