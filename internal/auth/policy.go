package auth

import (
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"time"
)

// Options are what a policy is made of.
type Options struct {
	URLKeys []URLKey // none: signed URLs are not accepted
	Tokens  *Tokens  // nil: tokens are not accepted
	Cookie  string   // the cookie that holds a token; empty: none does
	Query   bool     // ?token= holds one
}

// Policy says who may listen. It is immutable and safe for concurrent use.
type Policy struct{ o Options }

// NewPolicy checks that the options let somebody in.
func NewPolicy(o Options) (*Policy, error) {
	if len(o.URLKeys) == 0 && o.Tokens == nil {
		return nil, errors.New("there is no key at all, so nobody could subscribe")
	}
	if err := checkURLKeys(o.URLKeys); err != nil {
		return nil, err
	}
	return &Policy{o}, nil
}

// Credentials are what a request shows of who it is from.
type Credentials struct {
	Query         string // as sent
	Authorization string // the value of the field; empty: none
	Cookie        string // the value of the field, several joined by "; "; empty: none
	Address       netip.Addr
}

// LogValue hides all but the address.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(slog.String("address", c.Address.String()))
}

// Authorize says what the bearer of the credentials may do at now. The error is a [Denial]. A request whose URL is signed
// is judged by that alone; of tokens, one that was put in by a page goes before one that a browser sent by itself.
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

// findToken looks where a token may stand. There must be one.
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

// findCookie returns the value of the cookie, empty if there is none. Two different values were set by two parties,
// perhaps by another host of the same site, and which of them comes first is up to whoever set it last: that is ambiguous.
// The same value twice leaves nothing to choose (a page that sets its cookie for two paths or domains), and an empty one
// is what a logout leaves behind.
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

// Challenge is the value of WWW-Authenticate for a request that was denied with d (RFC 6750 section 3): what would be
// accepted, and no more about what was wrong than that it was.
func (p *Policy) Challenge(d Denial) string {
	switch {
	case p.o.Tokens == nil:
		return `Signed-URL realm="hassesd"`
	case d == NoCredentials:
		return `Bearer realm="hassesd"`
	}
	return `Bearer realm="hassesd", error="invalid_token"`
}

// ChallengeScope is the same for a request whose grant does not cover what it asks for.
func (p *Policy) ChallengeScope(from Source) string {
	if from == FromURL {
		return ""
	}
	return `Bearer realm="hassesd", error="insufficient_scope"`
}
