package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MaxToken bounds the length of a token, in bytes. Browsers keep no longer cookies.
const MaxToken = 4096

// MaxLeeway bounds how far the clocks of the issuer and the daemon may differ.
const MaxLeeway = 30 * time.Second

// maxUnnamed bounds the keys without an id for one algorithm. Two are enough to change a key
// without a gap. Each costs one more verification for every forged token.
const maxUnnamed = 4

// TokenOptions state which tokens are accepted.
type TokenOptions struct {
	Keys     []TokenKey    // at least one
	Issuer   string        // required iss; empty: any
	Audience string        // required in aud; empty: any
	Leeway   time.Duration // for exp and nbf
}

// Tokens verifies JSON Web Tokens. It is immutable and safe for concurrent use.
type Tokens struct {
	o      TokenOptions
	parser *jwt.Parser
}

// NewTokens returns an error for keys that are too many or ambiguous.
func NewTokens(o TokenOptions) (*Tokens, error) {
	if len(o.Keys) == 0 {
		return nil, errors.New("there is no key to verify tokens with")
	}
	if len(o.Keys) > maxKeys {
		return nil, fmt.Errorf("more than %d keys for tokens", maxKeys)
	}
	if o.Leeway < 0 || o.Leeway > MaxLeeway {
		return nil, fmt.Errorf("the leeway must be between 0 and %s", MaxLeeway)
	}
	var methods []string
	unnamed := make(map[Algorithm]int)
	for i, k := range o.Keys {
		if k.ID == "" {
			unnamed[k.Algorithm]++
		}
		if unnamed[k.Algorithm] > maxUnnamed {
			return nil, fmt.Errorf("more than %d keys for %s have no id, and each would be tried for every token without kid", maxUnnamed, k.Algorithm)
		}
		if k.ID != "" && slices.ContainsFunc(o.Keys[:i], func(other TokenKey) bool { return other.ID == k.ID }) {
			return nil, fmt.Errorf("two keys for tokens have the id %q", k.ID)
		}
		methods = append(methods, string(k.Algorithm))
	}
	return &Tokens{
		o: o,
		// Claims are validated later, when the time is known.
		parser: jwt.NewParser(jwt.WithValidMethods(methods), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation()),
	}, nil
}

// Token is the content of a token with a valid signature.
type Token struct {
	Grant     Grant
	KeyID     string
	Algorithm Algorithm
	Issuer    string
	Subject   string
	Audience  []string
	NotBefore time.Time // zero: none
	Expires   time.Time // without leeway; zero: none, which is refused
}

// Read verifies a token at now. The error is a [Denial]. With a valid signature, the token is
// returned even with an error.
func (t *Tokens) Read(text string, now time.Time) (*Token, error) {
	if len(text) > MaxToken {
		return nil, TooLarge
	}
	h, err := readHeader(text)
	if err != nil {
		return nil, err
	}
	keys := t.keysFor(h)
	if len(keys.Keys) == 0 {
		return nil, UnknownKey
	}
	c := &claims{}
	_, err = t.parser.ParseWithClaims(text, c, func(*jwt.Token) (any, error) { return keys, nil })
	switch {
	case err == nil:
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return nil, BadSignature
	default:
		return nil, Malformed
	}
	token := &Token{
		Grant:     Grant{Rooms: c.subscribe, Publish: c.publish, ID: c.id},
		KeyID:     h.kid,
		Algorithm: h.alg,
		Issuer:    c.issuer,
		Subject:   c.subject,
		Audience:  c.audience,
	}
	if c.notBefore != nil {
		token.NotBefore = c.notBefore.Time
	}
	if c.expires != nil {
		token.Expires = c.expires.Time
		// With the leeway: a stream must not end while its token still opens another one.
		token.Grant.Opens = token.Expires.Add(t.o.Leeway)
		token.Grant.Until = token.Grant.Opens
	}
	return token, t.validate(c, now)
}

// validate checks the claims of a token with a valid signature.
func (t *Tokens) validate(c *claims, now time.Time) error {
	options := []jwt.ParserOption{
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(t.o.Leeway),
		jwt.WithTimeFunc(func() time.Time { return now }),
	}
	if t.o.Issuer != "" {
		options = append(options, jwt.WithIssuer(t.o.Issuer))
	}
	if t.o.Audience != "" {
		options = append(options, jwt.WithAudience(t.o.Audience))
	}
	err := jwt.NewValidator(options...).Validate(c)
	switch {
	case err == nil && c.grantFault != nil:
		return BadGrant
	case err == nil:
		return nil
	case c.expires == nil:
		return Malformed // exp is required
	case errors.Is(err, jwt.ErrTokenExpired):
		return Expired
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return NotYetValid
	case t.o.Issuer != "" && c.issuer != t.o.Issuer:
		return WrongIssuer
	}
	return WrongAudience
}

// header is the part of a token that states how it is signed.
type header struct {
	alg Algorithm
	kid string
}

// types are the accepted values of typ. A token made for another purpose must not grant access (RFC
// 8725 section 3.11).
var types = []string{"jwt", "at+jwt"}

// readHeader reads the header as strictly as the claims. It uses only the algorithm and the key id,
// and both only to choose among the configured keys. It ignores jku, x5u, jwk and the like.
func readHeader(text string) (header, error) {
	first, _, ok := strings.Cut(text, ".")
	if !ok {
		return header{}, Malformed
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(first)
	if err != nil {
		return header{}, Malformed
	}
	members, err := readObject(decoded)
	if err != nil {
		return header{}, Malformed
	}
	var h header
	alg, err := stringMember(members, "alg")
	if err != nil {
		return header{}, Malformed
	}
	h.alg = Algorithm(alg)
	if h.kid, err = stringMember(members, "kid"); err != nil {
		return header{}, Malformed
	}
	typ, err := stringMember(members, "typ")
	if err != nil {
		return header{}, Malformed
	}
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/") // may be left out (RFC 7515 section 4.1.9)
	if _, ok := members["crit"]; ok || typ != "" && !slices.Contains(types, typ) {
		return header{}, WrongType
	}
	return h, nil
}

// keysFor returns the keys for the algorithm of a token that have its key id, or none if it has
// none.
func (t *Tokens) keysFor(h header) (set jwt.VerificationKeySet) {
	for _, k := range t.o.Keys {
		if k.ID == h.kid && k.Algorithm == h.alg {
			set.Keys = append(set.Keys, k.verifyKey())
		}
	}
	return set
}
