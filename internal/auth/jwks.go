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

// maxKeys bounds the number of keys of a policy.
const maxKeys = 64

// jwk holds the members of a JSON Web Key (RFC 7517) that hassesd uses.
type jwk struct {
	kty, use, alg, kid string
	crv, x, y          string // for elliptic curves
	n, e               string // for RSA
}

// ParseJWKS reads a JWK Set from the content of its file. It skips keys for other purposes, as RFC
// 7517 section 5 asks, and returns why in skipped. At least one key must remain.
func ParseJWKS(file []byte) (keys []TokenKey, skipped []error, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(file, &set); err != nil {
		return nil, nil, fmt.Errorf("is not a JWK set: %w", err)
	}
	for i, text := range set.Keys {
		k, err := parseJWK(text)
		switch {
		case errors.Is(err, errPrivate):
			return nil, nil, fmt.Errorf("key number %d %w", i+1, err)
		case err != nil:
			skipped = append(skipped, fmt.Errorf("key number %d %w", i+1, err))
		default:
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, skipped, errors.Join(append([]error{errors.New("has no key that can verify tokens")}, skipped...)...)
	}
	return keys, skipped, nil
}

func parseJWK(text []byte) (TokenKey, error) {
	members, err := readObject(text)
	if err != nil {
		return TokenKey{}, fmt.Errorf("is not a JWK: %w", err)
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
				return TokenKey{}, fmt.Errorf("has a member %s that is not a string", m.name)
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
		return TokenKey{}, fmt.Errorf("is for %q, which is not accepted; keys of its type are for %s", j.alg, own)
	}
	return TokenKey{ID: j.kid, Algorithm: own, material: public}, nil
}

// maxJWKName bounds the kid of a JWK.
const maxJWKName = 256

// isJWKName reports whether kid can name a key of a set. Unlike key ids in settings and URLs, it is
// any text that the issuer likes (RFC 7517 section 4.5): base64 with its + / =, or a URL.
func isJWKName(kid string) bool {
	return len(kid) <= maxJWKName && !strings.ContainsFunc(kid, unicode.IsControl)
}

// symmetricJWK reads a shared secret, which may be any bytes. Its algorithm is required, because a
// secret fits several.
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
		return TokenKey{}, fmt.Errorf("has a secret of %d bytes; at least %d are required", len(bytes), minSecret)
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
			return nil, errors.New("has an invalid RSA exponent e")
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}, nil
	case "EC":
		if j.crv != "P-256" {
			return nil, fmt.Errorf("is on the curve %q; ES256 uses P-256", j.crv)
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
			return nil, errors.New("has coordinates that are not 32 bytes long")
		}
		point := append(append([]byte{4}, x...), y...)
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	case "OKP":
		x, err := decodeBytes("x", j.x)
		if err != nil {
			return nil, err
		}
		if j.crv != "Ed25519" || len(x) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("is on the curve %q; EdDSA here is Ed25519 only", j.crv)
		}
		return ed25519.PublicKey(x), nil
	}
	return nil, fmt.Errorf("has the type %q, which no supported algorithm uses", j.kty)
}

func decodeBytes(name, text string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("has no base64url %s", name)
	}
	return b, nil
}
