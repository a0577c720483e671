package edge

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/auth"
	"github.com/hassesd/hassesd/internal/names"
)

// visitor is what a request head cannot say of who asks.
type visitor struct {
	address netip.Addr
	now     time.Time
	secure  bool // over TLS
}

// authorize checks that the visitor may have the subscription, and fits it to what was granted. With r.Auth nil nobody
// is asked.
func authorize(sub *subscription, req *request, r *rules, v visitor) *refusal {
	if r.Auth == nil {
		return nil
	}
	grant, err := r.Auth.Authorize(auth.Credentials{
		Query:         req.RawQuery,
		Authorization: req.Authorization,
		Cookie:        req.Cookie,
		Address:       v.address,
	}, v.now)
	if err != nil {
		return unauthorized(err, r)
	}
	if grant.From == auth.FromCookie && !isOwnPage(req, r, v) {
		return refuse(http.StatusForbidden, codeOriginNotAllowed,
			"the cookie was sent from a page whose origin is not allowed to; the list is cors.origins, with cors.credentials")
	}
	if room, refused := grant.FirstRefused(sub.Rooms, sub.All); refused {
		return forbidden(codeRoomNotAllowed, "the room "+quoteCut(room)+" is not among those granted", r, grant.From)
	}
	if grant.ID != "" {
		if sub.ID != "" && sub.ID != grant.ID {
			return forbidden(codeIDNotAllowed, "the id "+quoteCut(sub.ID)+" is not the one granted", r, grant.From)
		}
		if names.CheckClientID(grant.ID) != nil {
			return unauthorized(auth.BadGrant, r)
		}
		sub.ID = strings.Clone(grant.ID)
	}
	sub.Until = grant.Until
	return nil
}

// unauthorized answers what is no good: the reason is for our log alone.
func unauthorized(err error, r *rules) *refusal {
	denial := auth.Malformed
	errors.As(err, &denial)
	code, message := codeInvalidToken, "the token or the signature of the URL is not valid here, or not any more; fetch a new one"
	if denial == auth.NoCredentials {
		code, message = codeMissingToken, "this needs a token or a signed URL"
	}
	bad := refuse(http.StatusUnauthorized, code, message)
	bad.challenge, bad.denial = r.Auth.Challenge(denial), denial
	return bad
}

// forbidden answers a request for more than was granted.
func forbidden(code answerCode, message string, r *rules, from auth.Source) *refusal {
	bad := refuse(http.StatusForbidden, code, message)
	bad.challenge = r.Auth.ChallengeScope(from)
	return bad
}

// isOwnPage says whether a request that a browser has put a cookie on comes from a page that may read the answer.
// Cookies go along with whatever any page asks for; what another one asks for in its visitor's name is not served.
// Programs that are no browsers say nothing, and have nobody's cookies but their own.
func isOwnPage(req *request, r *rules, v visitor) bool {
	if req.Origin != "" {
		scheme := "http://"
		if v.secure {
			scheme = "https://"
		}
		return equalFoldASCII(req.Origin, scheme+req.Host) || r.Credentials && r.allows(req.Origin)
	}
	switch req.fetchSite {
	case "", "same-origin", "none":
		return true
	}
	return false
}

// LogValue shows what of a request may be known: no query, cookie or token.
func (req *request) LogValue() slog.Value {
	return slog.GroupValue(slog.String("method", req.Method), slog.String("path", req.Path))
}
