package edge

import (
	"net/http"
	"strings"
)

// challengePath is below which a certification authority asks (RFC 8555 section 8.3).
const challengePath = "/.well-known/acme-challenge/"

// decideChallenge answers a certification authority that wants to see whether a host is ours. It asks without TLS. What
// it does not find is treated like any other path.
func (c *conn) decideChallenge(req *request) (answer, bool) {
	token, ok := strings.CutPrefix(req.Path, challengePath)
	if !ok || c.secure || c.w.srv.challenge == nil || req.hasBody || req.Method != http.MethodGet && req.Method != http.MethodHead {
		return answer{}, false
	}
	text, ok := c.w.srv.challenge(token)
	return answer{Status: http.StatusOK, text: text}, ok
}
