// Package authtest makes the keys of a site, for tests.
package authtest

import (
	"strconv"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/auth"
)

// The secrets of all Keys.
const (
	URLSecret   = "a-key-for-signed-urls-of-the-tests-0123456789"
	TokenSecret = "a-key-for-tokens-of-the-tests-0123456789abcde"
)

// CookieName is the name of the cookie in which Keys.Policy looks for a token.
const CookieName = "__Secure-hassesd"

// Keys are a site's: it signs URLs and makes tokens.
type Keys struct {
	Policy *auth.Policy // accepts what they sign

	t     testing.TB
	url   auth.URLKey
	token auth.SigningKey
}

// NewKeys returns the keys, which are the same for all.
func NewKeys(t testing.TB) *Keys {
	t.Helper()
	u, err := auth.NewURLKey("", []byte(URLSecret))
	if err != nil {
		t.Fatal(err)
	}
	s, err := auth.NewSigningKey("", auth.HS256, []byte(TokenSecret))
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := auth.NewTokens(auth.TokenOptions{Keys: []auth.TokenKey{s.TokenKey}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := auth.NewPolicy(auth.Options{URLKeys: []auth.URLKey{u}, Tokens: tokens, Cookie: CookieName, Query: true})
	if err != nil {
		t.Fatal(err)
	}
	return &Keys{Policy: p, t: t, url: u, token: s}
}

// Mint returns a token that grants rooms to the client of that id until it expires.
func (k *Keys) Mint(expires time.Time, id string, rooms ...string) string {
	k.t.Helper()
	text, err := auth.Mint{Subscribe: rooms, ID: id, Expires: expires}.Token(k.token)
	if err != nil {
		k.t.Fatal(err)
	}
	return text
}

// Sign returns the query, signed until it expires.
func (k *Keys) Sign(expires time.Time, query string) string {
	k.t.Helper()
	text, err := k.url.Sign(query + "&exp=" + strconv.FormatInt(expires.Unix(), 10))
	if err != nil {
		k.t.Fatal(err)
	}
	return text
}
