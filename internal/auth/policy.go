package auth

import (
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"time"
)

// Options configure a [Policy].
type Options struct {
	URLKeys []URLKey // none: signed URLs are not accepted
	Tokens  *Tokens  // nil: tokens are not accepted
	Cookie  string   // the cookie that may hold a token; empty: none
	Query   bool     // ?token= may hold one
}

// Policy decides who may subscribe. It is immutable and safe for concurrent use.
type Policy struct{ o Options }

// NewPolicy returns an error for options that let nobody in.
func NewPolicy(o Options) (*Policy, error) {
	if len(o.URLKeys) == 0 && o.Tokens == nil {
		return nil, errors.New("no key is configured, so nobody could subscribe")
	}
	if err := checkURLKeys(o.URLKeys); err != nil {
		return nil, err
	}
	return &Policy{o}, nil
}

// Credentials are the parts of a request that can authorize it.
type Credentials struct {
	Query         string // as sent
	Authorization string // the field value; empty: none
	Cookie        string // the field values, joined by "; "; empty: none
	Address       netip.Addr
}

// LogValue hides all but the address.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(slog.String("address", c.Address.String()))
}

// Authorize returns what the credentials grant at now. The error is a [Denial]. For a signed URL,
// only the signature counts. A token that a page sent takes precedence over one in a cookie.
func (p *Policy) Authorize(c Credentials, now time.Time) (Grant, error) {
	q, err := parseQuery(c.Query)
	if err != nil {
		return Grant{}, err
	}
	var g Grant
	if len(p.o.URLKeys) > 0 && q.has(paramSignature) {
		g, err = verifyURL(p.o.URLKeys, q)
	} else {
		g, err = p.readToken(c, q, now)
	}
	if err != nil {
		return Grant{}, err
	}
	if err := g.check(c.Address, now); err != nil {
		return Grant{}, err
	}
	return g, nil
}

func (p *Policy) readToken(c Credentials, q query, now time.Time) (Grant, error) {
	if p.o.Tokens == nil {
		return Grant{}, NoCredentials
	}
	text, from, err := p.findToken(c, q)
	if err != nil {
		return Grant{}, err
	}
	token, err := p.o.Tokens.Read(text, now)
	if err != nil {
		return Grant{}, err
	}
	token.Grant.From = from
	return token.Grant, nil
}

// findToken returns the one token of the request, and where it was.
func (p *Policy) findToken(c Credentials, q query) (text string, from Source, err error) {
	if scheme, rest, _ := strings.Cut(c.Authorization, " "); strings.EqualFold(scheme, "Bearer") {
		text, from = strings.Trim(rest, " "), FromHeader
	}
	if p.o.Query {
		inQuery, ok, err := q.single(paramToken)
		switch {
		case err != nil, ok && from != 0:
			return "", 0, Ambiguous // RFC 6750 section 2: one method in a request
		case ok:
			text, from = inQuery, FromQuery
		}
	}
	if from == 0 && p.o.Cookie != "" {
		if text, err = findCookie(c.Cookie, p.o.Cookie); err != nil {
			return "", 0, err
		}
		from = FromCookie
	}
	if text == "" {
		return "", 0, NoCredentials
	}
	return text, from, nil
}

// findCookie returns the value of the cookie, or "" without one. Two different values are
// ambiguous: two parties set them, perhaps another host of the same site, and who set the last one
// decides their order. The same value twice is accepted, because pages set a cookie for two paths
// or domains. Empty values are ignored: a logout leaves them behind.
func findCookie(field, name string) (value string, err error) {
	for pair := range strings.SplitSeq(field, ";") {
		n, v, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
		if n != name {
			continue
		}
		if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
			v = v[1 : len(v)-1]
		}
		switch {
		case v == "" || v == value:
		case value != "":
			return "", Ambiguous
		default:
			value = v
		}
	}
	return value, nil
}

// Challenge returns the value of WWW-Authenticate for a request denied with d (RFC 6750 section 3).
// It names what would be accepted, and does not reveal the reason.
func (p *Policy) Challenge(d Denial) string {
	switch {
	case p.o.Tokens == nil:
		return `Signed-URL realm="hassesd"`
	case d == NoCredentials:
		return `Bearer realm="hassesd"`
	}
	return `Bearer realm="hassesd", error="invalid_token"`
}

// ChallengeScope returns the value of WWW-Authenticate for a request beyond its grant; empty for
// none.
func (p *Policy) ChallengeScope(from Source) string {
	if from == FromURL {
		return ""
	}
	return `Bearer realm="hassesd", error="insufficient_scope"`
}
