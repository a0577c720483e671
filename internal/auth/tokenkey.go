package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/hassesd/hassesd/internal/pemfile"
)

// Algorithm is how tokens are signed. Each kind of key has exactly one, so that a token cannot choose.
type Algorithm string

// The algorithms of RFC 7518 and RFC 8037 that are accepted.
const (
	HS256 Algorithm = "HS256" // a shared secret
	RS256 Algorithm = "RS256" // RSA, PKCS #1 v1.5
	ES256 Algorithm = "ES256" // ECDSA, P-256
	EdDSA Algorithm = "EdDSA" // Ed25519
)

// Algorithms are all there are.
var Algorithms = []Algorithm{HS256, RS256, ES256, EdDSA}

// The bounds of RSA keys in bits: what is still safe, and what a stranger's signature may cost to verify. At 4096 that is
// about a TLS handshake's 0.2 ms, at 8192 already 0.9 ms, on a loop that has streams to serve.
const (
	minRSA = 2048
	maxRSA = 4096
)

// TokenKey proves that tokens were signed with a key.
type TokenKey struct {
	ID        string // kid; empty: tokens name no key
	Algorithm Algorithm
	material  any // secret, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// LogValue hides the key itself.
func (k TokenKey) LogValue() slog.Value {
	return slog.GroupValue(slog.String("kid", k.ID), slog.String("alg", string(k.Algorithm)))
}

// NewTokenKey reads a key from the content of its file: for HS256 a secret, otherwise a public key or a certificate in
// PEM. A file with the private key is refused, because a daemon that has it could make tokens.
func NewTokenKey(id string, alg Algorithm, file []byte) (TokenKey, error) {
	if err := checkKeyID(id); err != nil {
		return TokenKey{}, err
	}
	k := TokenKey{ID: id, Algorithm: alg}
	if !slices.Contains(Algorithms, alg) {
		return TokenKey{}, fmt.Errorf("%q is none of the algorithms HS256, RS256, ES256, EdDSA", alg)
	}
	if alg == HS256 {
		s, err := readSecret(file)
		if err != nil {
			return TokenKey{}, err
		}
		k.material = s
		return k, nil
	}
	block, err := keyBlock(file)
	if err != nil {
		return TokenKey{}, err
	}
	public, err := publicKey(block)
	if err != nil {
		return TokenKey{}, err
	}
	if k.material, err = fit(alg, public); err != nil {
		return TokenKey{}, err
	}
	return k, nil
}

// verifyKey is the key as golang-jwt wants it.
func (k TokenKey) verifyKey() any {
	if s, ok := k.material.(secret); ok {
		return s()
	}
	return k.material
}

// errNoKey is a text without any PEM block, which may be a secret.
var errNoKey = errors.New("has no PEM key in it")

// keyBlock returns the one PEM block with a key in it, the private one if there is any. The parameters of a curve, which
// openssl writes in front, may stand beside it, and the issuers of a certificate behind it.
func keyBlock(file []byte) (pemfile.Block, error) {
	blocks, err := pemfile.Blocks(file)
	if err != nil {
		return pemfile.Block{}, fmt.Errorf("has damaged PEM in it: %w", err)
	}
	var keys, private []pemfile.Block
	for _, b := range blocks {
		switch {
		case pemfile.IsPrivateKey(b.Type):
			private = append(private, b)
		case !pemfile.IsParameters(b.Type):
			keys = append(keys, b)
		}
	}
	if len(private) > 0 {
		keys = private // what stands beside a private key is its other half
	}
	switch {
	case len(keys) == 0:
		return pemfile.Block{}, errNoKey
	case len(keys) > 1 && !isChain(keys):
		return pemfile.Block{}, fmt.Errorf("holds several keys, in lines %d and %d: give each a file and an id of its own", keys[0].Line, keys[1].Line)
	}
	return keys[0], nil
}

// isChain reports whether the blocks are certificates, each the issuer's of the one before.
func isChain(blocks []pemfile.Block) bool {
	var before *x509.Certificate
	for _, b := range blocks {
		if b.Type != pemfile.TypeCertificate {
			return false
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil || before != nil && before.CheckSignatureFrom(c) != nil {
			return false
		}
		before = c
	}
	return true
}

func publicKey(block pemfile.Block) (crypto.PublicKey, error) {
	switch {
	case block.Type == "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case block.Type == "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case block.Type == "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return c.PublicKey, nil
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return nil, errPrivate
	}
	return nil, fmt.Errorf("holds a PEM %s, not a key", block.Type)
}

// errPrivate is what a verifier says to a signer's key.
var errPrivate = errors.New("holds the private key, and only the public one is needed (openssl pkey -in F -pubout)")

// fit says whether a public key is one of the algorithm, and safe.
func fit(alg Algorithm, public crypto.PublicKey) (crypto.PublicKey, error) {
	own, err := algorithmOf(public)
	switch {
	case err != nil:
		return nil, err
	case own != alg:
		return nil, fmt.Errorf("holds a key for %s, not for %s", own, alg)
	}
	return public, nil
}

// algorithmOf is the one algorithm that a key is for.
func algorithmOf(public crypto.PublicKey) (Algorithm, error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSA || bits > maxRSA {
			return "", fmt.Errorf("holds an RSA key of %d bits, which is not between %d and %d", bits, minRSA, maxRSA)
		}
		return RS256, nil
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return "", fmt.Errorf("holds a key on the curve %s; ES256 is P-256", key.Curve.Params().Name)
		}
		return ES256, nil
	case ed25519.PublicKey:
		return EdDSA, nil
	}
	return "", fmt.Errorf("holds a %T, which no algorithm here is for", public)
}

// SigningKey makes tokens.
type SigningKey struct {
	TokenKey            // its other half
	private  func() any // the key as golang-jwt wants it; a function for the reason that a secret is one
}

// NewSigningKey reads a secret, or a private key in PEM. An empty alg is the one that the key is for.
func NewSigningKey(id string, alg Algorithm, file []byte) (SigningKey, error) {
	if err := checkKeyID(id); err != nil {
		return SigningKey{}, err
	}
	block, err := keyBlock(file)
	if alg == HS256 || alg == "" && errors.Is(err, errNoKey) {
		s, err := readSecret(file)
		if err != nil {
			return SigningKey{}, err
		}
		return SigningKey{
			TokenKey: TokenKey{ID: id, Algorithm: HS256, material: s},
			private:  func() any { return s() },
		}, nil
	}
	if err != nil {
		return SigningKey{}, err
	}
	signer, err := privateKey(block)
	if err != nil {
		return SigningKey{}, err
	}
	own, err := algorithmOf(signer.Public())
	if err != nil {
		return SigningKey{}, err
	}
	if alg != "" && alg != own {
		return SigningKey{}, fmt.Errorf("holds a key for %s, not for %s", own, alg)
	}
	return SigningKey{
		TokenKey: TokenKey{ID: id, Algorithm: own, material: signer.Public()},
		private:  func() any { return signer },
	}, nil
}

func privateKey(block pemfile.Block) (crypto.Signer, error) {
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE":
		return nil, errors.New("holds a public key, and signing needs the private one")
	default:
		return nil, fmt.Errorf("holds a PEM %s, which is no private key without a passphrase", block.Type)
	}
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("holds a %T, which cannot sign", key)
	}
	return signer, nil
}

// LogValue hides the key itself.
func (k SigningKey) LogValue() slog.Value { return k.TokenKey.LogValue() }
