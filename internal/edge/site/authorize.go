package site

import (
	"errors"
	"net/http"
	"strings"

	"github.com/hassesd/hassesd/internal/auth"
	"github.com/hassesd/hassesd/internal/edge/exchange"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/safetext"
)

// authorize checks that the visitor may have the subscription, and applies the grant to it. If
// r.Auth is nil, everybody may.
func authorize(sub *Subscription, req *exchange.Request, r *Rules, v Visitor) *exchange.Answer {
	if r.Auth == nil {
		return nil
	}
	grant, err := r.Auth.Authorize(auth.Credentials{
		Query:         req.RawQuery,
		Authorization: req.Authorization,
		Cookie:        req.Cookie,
		Address:       v.Address,
	}, v.Now)
	if err != nil {
		return unauthorized(err, r)
	}
	if grant.From == auth.FromCookie && !isOwnPage(req, r, v) {
		return exchange.Refuse(http.StatusForbidden, exchange.CodeOriginNotAllowed,
			"the cookie was sent from a page whose origin is not allowed to; the list is cors.origins, with cors.credentials")
	}
	if room, refused := grant.FirstRefused(sub.Rooms, sub.All); refused {
		return forbidden(exchange.CodeRoomNotAllowed, "the room "+safetext.Quote(room)+" is not among those granted", r, grant.From)
	}
	if grant.ID != "" {
		if sub.ID != "" && sub.ID != grant.ID {
			return forbidden(exchange.CodeIDNotAllowed, "the id "+safetext.Quote(sub.ID)+" is not the one granted", r, grant.From)
		}
		if names.CheckClientID(grant.ID) != nil {
			return unauthorized(auth.BadGrant, r)
		}
		sub.ID = strings.Clone(grant.ID)
	}
	sub.Until = grant.Until
	return nil
}

// unauthorized returns the answer to missing or invalid credentials. The exact reason is only
// logged.
func unauthorized(err error, r *Rules) *exchange.Answer {
	denial := auth.Malformed
	errors.As(err, &denial)
	code, message := exchange.CodeInvalidToken, "the token or the signature of the URL is not valid here, or not any more; fetch a new one"
	if denial == auth.NoCredentials {
		code, message = exchange.CodeMissingToken, "this needs a token or a signed URL"
	}
	bad := exchange.Refuse(http.StatusUnauthorized, code, message)
	bad.Denial = denial.Name()
	return withChallenge(bad, r.Auth.Challenge(denial))
}

// forbidden returns the answer to a request for more than was granted.
func forbidden(code exchange.Code, message string, r *Rules, from auth.Source) *exchange.Answer {
	return withChallenge(exchange.Refuse(http.StatusForbidden, code, message), r.Auth.ChallengeScope(from))
}

// withChallenge adds the value of WWW-Authenticate, if there is one.
func withChallenge(bad *exchange.Answer, challenge string) *exchange.Answer {
	if challenge != "" {
		bad.Fields = append(bad.Fields, exchange.Field{Name: "WWW-Authenticate", Value: challenge})
	}
	return bad
}

// isOwnPage reports whether a request with a cookie comes from a page that may read the answer.
// Browsers attach cookies to requests of any page, and those of other sites must not be served in
// the visitor's name. Programs other than browsers send neither field, and have only their own
// cookies.
func isOwnPage(req *exchange.Request, r *Rules, v Visitor) bool {
	if req.Origin != "" {
		scheme := "http://"
		if v.Secure {
			scheme = "https://"
		}
		return equalFoldASCII(req.Origin, scheme+req.Host) || r.Credentials && r.allows(req.Origin)
	}
	switch req.FetchSite {
	case "", "same-origin", "none":
		return true
	}
	return false
}
