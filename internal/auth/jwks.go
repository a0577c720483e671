package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode"
)

// maxKeys bounds the keys of a policy.
const maxKeys = 64

// jwk is a JSON Web Key (RFC 7517), as far as it matters here.
type jwk struct {
	kty, use, alg, kid string
	crv, x, y          string // of elliptic curves
	n, e               string // of RSA
}

// ParseJWKS reads a JWK Set from the content of its file. Keys that are for something else are passed over, as RFC 7517
// section 5 asks, and named in passed; there must be one left.
func ParseJWKS(file []byte) (keys []TokenKey, passed []error, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(file, &set); err != nil {
		return nil, nil, fmt.Errorf("is no JWK set: %w", err)
	}
	for i, text := range set.Keys {
		k, err := parseJWK(text)
		switch {
		case errors.Is(err, errPrivate):
			return nil, nil, fmt.Errorf("key number %d %w", i+1, err)
		case err != nil:
			passed = append(passed, fmt.Errorf("key number %d %w", i+1, err))
		default:
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, passed, errors.Join(append([]error{errors.New("has no key that tokens could be checked with")}, passed...)...)
	}
	return keys, passed, nil
}

func parseJWK(text []byte) (TokenKey, error) {
	members, err := readObject(text)
	if err != nil {
		return TokenKey{}, fmt.Errorf("is no JWK: %w", err)
	}
	var j jwk
	for _, m := range []struct {
		name string
		into *string
	}{
		{"kty", &j.kty},
		{"use", &j.use},
		{"alg", &j.alg},
		{"kid", &j.kid},
		{"crv", &j.crv},
		{"x", &j.x},
		{"y", &j.y},
		{"n", &j.n},
		{"e", &j.e},
	} {
		if value, ok := members[m.name]; ok {
			if err := json.Unmarshal(value, m.into); err != nil {
				return TokenKey{}, fmt.Errorf("has a member %s that is no string", m.name)
			}
		}
	}
	if _, ok := members["d"]; ok {
		return TokenKey{}, errPrivate
	}
	if j.use != "" && j.use != "sig" {
		return TokenKey{}, fmt.Errorf("is for %q, not for signatures", j.use)
	}
	if !isJWKName(j.kid) {
		return TokenKey{}, fmt.Errorf("has a kid that is longer than %d bytes, or has control characters", maxJWKName)
	}
	if j.kty == "oct" {
		return symmetricJWK(&j, members["k"])
	}
	public, err := j.public()
	if err != nil {
		return TokenKey{}, err
	}
	own, err := algorithmOf(public)
	if err != nil {
		return TokenKey{}, err
	}
	if j.alg != "" && j.alg != string(own) {
		return TokenKey{}, fmt.Errorf("is for %q, which is not accepted; keys of its kind are for %s", j.alg, own)
	}
	return TokenKey{ID: j.kid, Algorithm: own, material: public}, nil
}

// maxJWKName bounds the kid of a JWK.
const maxJWKName = 256

// isJWKName says whether kid can name a key of a set. Unlike those that are written into settings and URLs it is whatever
// text the issuer likes (RFC 7517 section 4.5): some take base64 with its + / =, some a URL.
func isJWKName(kid string) bool {
	return len(kid) <= maxJWKName && !strings.ContainsFunc(kid, unicode.IsControl)
}

// symmetricJWK reads a shared secret, which may be any bytes. It must say its algorithm: a secret is good for many.
func symmetricJWK(j *jwk, k json.RawMessage) (TokenKey, error) {
	if j.alg != string(HS256) {
		return TokenKey{}, fmt.Errorf("is a secret for %q, not for HS256", j.alg)
	}
	var text string
	if json.Unmarshal(k, &text) != nil {
		return TokenKey{}, errors.New("has no secret k")
	}
	bytes, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return TokenKey{}, errors.New("has a secret k that is not base64url")
	}
	if len(bytes) < minSecret {
		return TokenKey{}, fmt.Errorf("has a secret of %d bytes, and %d are the least", len(bytes), minSecret)
	}
	return TokenKey{ID: j.kid, Algorithm: HS256, material: newSecret(bytes)}, nil
}

func (j *jwk) public() (crypto.PublicKey, error) {
	switch j.kty {
	case "RSA":
		n, err := decodeBytes("n", j.n)
		if err != nil {
			return nil, err
		}
		e, err := decodeBytes("e", j.e)
		if err != nil {
			return nil, err
		}
		exponent := new(big.Int).SetBytes(e)
		if !exponent.IsInt64() || exponent.Int64() < 3 || exponent.Int64() > 1<<31-1 || exponent.Bit(0) == 0 {
			return nil, errors.New("has an exponent e that no RSA key has")
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}, nil
	case "EC":
		if j.crv != "P-256" {
			return nil, fmt.Errorf("is on the curve %q, and ES256 is P-256", j.crv)
		}
		x, err := decodeBytes("x", j.x)
		if err != nil {
			return nil, err
		}
		y, err := decodeBytes("y", j.y)
		if err != nil {
			return nil, err
		}
		const coordinate = 32
		if len(x) != coordinate || len(y) != coordinate {
			return nil, errors.New("has coordinates of another length than 32 bytes")
		}
		point := append(append([]byte{4}, x...), y...)
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	case "OKP":
		x, err := decodeBytes("x", j.x)
		if err != nil {
			return nil, err
		}
		if j.crv != "Ed25519" || len(x) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("is on the curve %q, and EdDSA here is Ed25519", j.crv)
		}
		return ed25519.PublicKey(x), nil
	}
	return nil, fmt.Errorf("has the type %q, which no algorithm here is for", j.kty)
}

func decodeBytes(name, text string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("has no base64url %s", name)
	}
	return b, nil
}
