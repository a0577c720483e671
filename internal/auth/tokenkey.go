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

// Algorithm is how tokens are signed. Each type of key has exactly one, so that a token cannot
// choose.
type Algorithm string

// The accepted algorithms of RFC 7518 and RFC 8037.
const (
	HS256 Algorithm = "HS256" // a shared secret
	RS256 Algorithm = "RS256" // RSA, PKCS #1 v1.5
	ES256 Algorithm = "ES256" // ECDSA, P-256
	EdDSA Algorithm = "EdDSA" // Ed25519
)

// Algorithms lists all accepted algorithms.
var Algorithms = []Algorithm{HS256, RS256, ES256, EdDSA}

// Bounds of RSA keys, in bits: the least that is safe, and the most that verifying a forged
// signature may cost. With 4096 bits that is 0.2 ms on an event loop, about a TLS handshake, and
// with 8192 it is 0.9 ms.
const (
	minRSA = 2048
	maxRSA = 4096
)

// TokenKey verifies tokens.
type TokenKey struct {
	ID        string // kid; empty: for tokens without one
	Algorithm Algorithm
	material  any // secret, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// LogValue hides the key.
func (k TokenKey) LogValue() slog.Value {
	return slog.GroupValue(slog.String("kid", k.ID), slog.String("alg", string(k.Algorithm)))
}

// NewTokenKey reads a key from the content of its file: a secret for HS256, otherwise a public key
// or a certificate in PEM. It refuses a private key: a daemon that holds one could make tokens.
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

// verifyKey returns the key in the form that golang-jwt expects.
func (k TokenKey) verifyKey() any {
	if s, ok := k.material.(secret); ok {
		return s()
	}
	return k.material
}

// errNoKey is the error for text without PEM, which may be a secret.
var errNoKey = errors.New("has no PEM key in it")

// keyBlock returns the only PEM block with a key, or the private one if there is any. It skips the
// curve parameters that openssl writes, and the issuers that follow a certificate.
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
		keys = private // the others are its public half
	}
	switch {
	case len(keys) == 0:
		return pemfile.Block{}, errNoKey
	case len(keys) > 1 && !isChain(keys):
		return pemfile.Block{}, fmt.Errorf("holds several keys, in lines %d and %d: put each into its own file, with its own id", keys[0].Line, keys[1].Line)
	}
	return keys[0], nil
}

// isChain reports whether the blocks are certificates, each issued by the next.
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

// errPrivate is the error for a private key where a public one is expected.
var errPrivate = errors.New("holds the private key; use the public one (openssl pkey -in F -pubout)")

// fit returns the public key if it is safe and of the algorithm.
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

// algorithmOf returns the one algorithm that a key is for. It refuses keys that are not safe.
func algorithmOf(public crypto.PublicKey) (Algorithm, error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSA || bits > maxRSA {
			return "", fmt.Errorf("holds an RSA key of %d bits; it must have between %d and %d", bits, minRSA, maxRSA)
		}
		return RS256, nil
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return "", fmt.Errorf("holds a key on the curve %s; ES256 uses P-256", key.Curve.Params().Name)
		}
		return ES256, nil
	case ed25519.PublicKey:
		return EdDSA, nil
	}
	return "", fmt.Errorf("holds a %T, which no supported algorithm uses", public)
}

// SigningKey makes tokens.
type SigningKey struct {
	TokenKey            // verifies them
	private  func() any // the key in the form that golang-jwt expects; a function for the same reason as secret
}

// NewSigningKey reads a secret, or a private key in PEM. An empty alg means the one that the key is
// for.
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
		return nil, fmt.Errorf("holds a PEM %s, which is not a private key without a passphrase", block.Type)
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
