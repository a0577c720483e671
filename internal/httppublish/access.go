package httppublish

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/auth"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/publish"
)

// Access is who may publish. The zero value admits nobody.
type Access struct {
	Tokens *auth.Tokens // nil: tokens are not accepted
	// FindKey returns the key that secret is. It may be nil.
	FindKey func(secret string) (Key, bool)
	Local   bool // this machine may publish without a token or key: development mode
}

// Key is a key of the control protocol.
type Key struct {
	ID         string
	MayPublish bool // its role is publish or more
}

// principal is who publishes, and what.
type principal struct {
	name    string // whom idempotency keys and the pace belong to; empty: the door
	granted []names.Target
	until   time.Time // zero: for good
}

// identify returns the sender of a request.
func (a *Access) identify(h *Head, now time.Time) (principal, *failure) {
	if h.Authorization == "" {
		if a.Local && isLocal(h) {
			return principal{granted: publish.Everywhere()}, nil
		}
		return principal{}, fail(CodeMissingToken, "publishing needs a token or a key: Authorization: Bearer …")
	}
	scheme, secret, _ := strings.Cut(h.Authorization, " ")
	secret = strings.Trim(secret, " ")
	if !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return principal{}, fail(CodeMissingToken, "publishing needs a token or a key: Authorization: Bearer …")
	}
	if a.FindKey != nil {
		if key, ok := a.FindKey(secret); ok {
			if !key.MayPublish {
				return principal{}, fail(CodePublishNotAllowed, "the key has a role that may not publish; use one with the role publish or admin")
			}
			return principal{name: "key:" + key.ID, granted: publish.Everywhere()}, nil
		}
	}
	return a.readToken(secret, now)
}

func (a *Access) readToken(text string, now time.Time) (principal, *failure) {
	if a.Tokens == nil || strings.Count(text, ".") != 2 {
		return principal{}, invalidToken(true)
	}
	token, err := a.Tokens.Read(text, now)
	if err == nil && !now.Before(token.Grant.Opens) {
		err = auth.Expired
	}
	if err != nil {
		// One that we have signed is not guessed, even if it is over.
		return principal{}, invalidToken(!errors.Is(err, auth.Expired) && !errors.Is(err, auth.NotYetValid))
	}
	if len(token.Grant.Publish) == 0 {
		return principal{}, fail(CodePublishNotAllowed, "the token has no rooms to publish to (claim hassesd.publish)")
	}
	p := principal{granted: token.Grant.Publish, until: token.Grant.Opens}
	if token.Subject != "" {
		p.name = "sub:" + token.Issuer + "\n" + token.Subject
	}
	return p, nil
}

func invalidToken(isWrong bool) *failure {
	f := fail(CodeInvalidToken, "the token or key is not valid here, or not any more")
	f.isWrong = isWrong
	return f
}

// isLocal reports whether a request comes from a program of this machine. The host must be this
// machine's, too: a page of any site can make a browser connect here by a name of its own (DNS
// rebinding).
func isLocal(h *Head) bool {
	if !h.Peer.IsValid() {
		return true
	}
	return h.Peer.Unmap().IsLoopback() && isLoopbackHost(h.Host)
}

// isLoopbackHost reports whether a host, with or without a port, is localhost or a loopback
// address.
func isLoopbackHost(host string) bool {
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return false
		}
		host = host[1:end]
	} else if name, _, ok := strings.Cut(host, ":"); ok {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
