package config

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// The ways to authenticate subscribers.
const (
	AuthNone   = "none"
	AuthSigned = "signed-url"
	AuthTokens = "jwt"
)

var authModes = []string{AuthNone, AuthSigned, AuthTokens}

var tokenAlgorithms = []string{"HS256", "RS256", "ES256", "EdDSA"}

// KeyFile is one key of [Auth].
type KeyFile struct {
	ID        string // the kid of URLs or tokens; empty: none
	Algorithm string // of a key for tokens
	File      string
}

// keyID matches the id of a key.
var keyID = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,64}$`)

// parseKeyFile reads [KID=]FILE.
func parseKeyFile(text string) KeyFile {
	if id, file, ok := strings.Cut(text, "="); ok && keyID.MatchString(id) {
		return KeyFile{ID: id, File: file}
	}
	return KeyFile{File: text}
}

// URLKeys returns the keys for signed URLs.
func (a *Auth) URLKeys() []KeyFile {
	keys := make([]KeyFile, 0, len(a.SignedURL.Keys))
	for _, text := range a.SignedURL.Keys {
		keys = append(keys, parseKeyFile(text))
	}
	return keys
}

// TokenKeys returns the keys for tokens, without those of the JWK set.
func (a *Auth) TokenKeys() []KeyFile {
	keys := make([]KeyFile, 0, len(a.JWT.Keys))
	for _, text := range a.JWT.Keys {
		k := parseKeyFile(text)
		k.Algorithm, k.File, _ = strings.Cut(k.File, ":")
		keys = append(keys, k)
	}
	return keys
}

// Has reports whether subscribers may authenticate in this way.
func (a *Auth) Has(mode string) bool { return slices.Contains(a.Mode, mode) }

// ReadsTokens reports whether tokens are read: those of subscribers, or those of publishers, whatever
// subscribers need.
func (s *Settings) ReadsTokens() bool {
	publishes := s.Publish.HTTP || s.API.Listen != ""
	return s.Auth.Has(AuthTokens) || publishes && (len(s.Auth.JWT.Keys) > 0 || s.Auth.JWT.JWKSFile != "")
}

func (c *checker) auth() {
	c.authMode()
	c.signedURLs()
	c.tokens()
}

func (c *checker) authMode() {
	a := &c.s.Auth
	if len(a.Mode) == 0 {
		c.addMissing("auth.mode", "use --auth signed-url or --auth jwt; --auth none (auth.mode = \"none\", HASSESD_AUTH=none) if every client may subscribe, or --dev on a laptop",
			"no way to authenticate subscribers is set, and having none must be explicit")
	}
	for i, mode := range a.Mode {
		switch {
		case !slices.Contains(authModes, mode):
			c.addError("auth.mode", suggest(mode, authModes), "%q is not a way to authenticate subscribers; there are %s", mode, strings.Join(authModes, ", "))
		case slices.Contains(a.Mode[:i], mode):
			c.addError("auth.mode", "write it once", "%q is listed twice", mode)
		}
	}
	if a.Has(AuthNone) && len(a.Mode) > 1 {
		c.addError("auth.mode", "remove none", "none cannot be combined with other modes: it turns authentication off")
	}
}

func (c *checker) signedURLs() {
	const key = "auth.signed_url.keys"
	a := &c.s.Auth
	if a.Has(AuthSigned) && len(a.SignedURL.Keys) == 0 {
		c.addError(key, "make one (openssl rand -base64 48 > FILE) and name it with --url-key FILE", "signed URLs need a key")
	}
	if len(a.Mode) > 0 && !a.Has(AuthSigned) && len(a.SignedURL.Keys) > 0 {
		c.addError(key, "add signed-url to auth.mode, or leave the keys out", "auth.mode does not include signed-url, so the keys would have no effect")
	}
	c.keyFiles(key, a.URLKeys())
}

func (c *checker) tokens() {
	const key = "auth.jwt.keys"
	a := &c.s.Auth
	isGiven := len(a.JWT.Keys) > 0 || a.JWT.JWKSFile != ""
	if a.Has(AuthTokens) && !isGiven {
		c.addError(key, "name one with --jwt-key ALG:FILE, or a JWK set with --jwks-file FILE", "tokens need a key to verify them with")
	}
	if len(a.Mode) > 0 && !a.Has(AuthTokens) && isGiven && !c.s.ReadsTokens() {
		if len(a.JWT.Keys) == 0 {
			c.addError("auth.jwt.jwks_file", "add jwt to auth.mode, or leave the file out", "auth.mode does not include jwt, so it would have no effect")
		} else {
			c.addError(key, "add jwt to auth.mode, or leave the keys out", "auth.mode does not include jwt, so it would have no effect")
		}
	}
	keys := a.TokenKeys()
	for _, k := range keys {
		if !slices.Contains(tokenAlgorithms, k.Algorithm) {
			c.addError(key, "write ALG:FILE or KID=ALG:FILE, as in web=ES256:/etc/hassesd/jwt-web.pem",
				"%q is none of the algorithms %s", k.Algorithm, strings.Join(tokenAlgorithms, ", "))
		}
	}
	c.keyFiles(key, keys)
	if !isCookieName(a.JWT.Cookie) {
		c.addError("auth.jwt.cookie", "use letters, digits, - and _", "%q cannot be the name of a cookie", a.JWT.Cookie)
	}
	const most = 30 * time.Second
	c.durationBetween("auth.jwt.leeway", a.JWT.Leeway, 0, most)
}

// keyFiles refuses keys without a file, and duplicate ids. Several keys for tokens may have no id:
// each is tried.
func (c *checker) keyFiles(key string, keys []KeyFile) {
	for i, k := range keys {
		if k.File == "" && (k.Algorithm == "" || slices.Contains(tokenAlgorithms, k.Algorithm)) {
			c.addError(key, "name the file that holds it", "a key has no file")
		}
		isSame := func(other KeyFile) bool { return other.ID == k.ID }
		if (k.ID != "" || key == "auth.signed_url.keys") && slices.ContainsFunc(keys[:i], isSame) {
			c.addError(key, "give each its own id, as in KID=FILE", "two keys have the id %q", k.ID)
		}
	}
}

// isCookieName reports whether name is a token (RFC 6265 section 4.1.1) or empty.
func isCookieName(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
}
