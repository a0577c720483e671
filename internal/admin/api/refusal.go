package api

// Refusal is why a control connection or a command was refused: the closed set of keys that
// "status" counts by.
type Refusal string

// The refusals.
const (
	RefusedConnections Refusal = "connections"         // all slots of the endpoint are taken
	RefusedRate        Refusal = "handshake_rate"      // its network begins too many TLS handshakes (limits.handshake_rate)
	RefusedPenalty     Refusal = "penalized"           // its network is penalized (limits.penalties)
	RefusedNetwork     Refusal = "network_not_allowed" // it comes over plain TCP from a network that control.tcp_networks does not name
	RefusedHTTP        Refusal = "http"                // a browser or a scanner speaks HTTP to the control port
	RefusedTLS         Refusal = "tls"                 // a TLS ClientHello on a plain port
	RefusedPlain       Refusal = "plain"               // something that is neither TLS nor HTTP on the TLS port
	RefusedTLSVersion  Refusal = "tls_version"         // a client without TLS 1.3
	RefusedNoCert      Refusal = "no_certificate"      // a client that shows no certificate
	RefusedUntrusted   Refusal = "untrusted"           // its certificate is not of our authorities, or not for clients
	RefusedExpired     Refusal = "expired"             // its certificate, or one of its authorities, has expired or is not valid yet
	RefusedNoRole      Refusal = "no_role"             // its certificate is good, and in no list of roles
	RefusedDistrust    Refusal = "certificate_refused" // it does not trust our certificate
	RefusedHandshake   Refusal = "handshake"           // any other end of the TLS handshake
	RefusedStalled     Refusal = "stalled"             // the TLS handshake took too long
	RefusedSlow        Refusal = "slow"                // the peer does not read its answers
	RefusedUnfinished  Refusal = "unfinished"          // its unfinished command held memory that others wanted
	RefusedSyntax      Refusal = "syntax"              // not a command, not a message; not JSON, not a request
	RefusedMethod      Refusal = "unknown_method"
	RefusedParams      Refusal = "invalid_params"
	RefusedRole        Refusal = "not_allowed"
	RefusedKey         Refusal = "wrong_key" // "auth" with an unknown key
	RefusedTooLarge    Refusal = "too_large"
	RefusedOverload    Refusal = "overloaded"
	RefusedNotFound    Refusal = "not_found"
	RefusedInternal    Refusal = "internal"
)

// Refusals returns all of them.
func Refusals() []Refusal {
	return []Refusal{
		RefusedConnections, RefusedRate, RefusedPenalty, RefusedNetwork, RefusedHTTP, RefusedTLS, RefusedPlain, RefusedTLSVersion, RefusedNoCert, RefusedUntrusted,
		RefusedExpired, RefusedNoRole, RefusedDistrust, RefusedHandshake, RefusedStalled, RefusedSlow, RefusedUnfinished, RefusedSyntax, RefusedMethod, RefusedParams,
		RefusedRole, RefusedKey, RefusedTooLarge, RefusedOverload, RefusedNotFound, RefusedInternal,
	}
}
