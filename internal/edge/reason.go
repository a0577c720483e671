package edge

import "github.com/hassesd/hassesd/internal/edge/exchange"

// CloseReason is why a connection ended. The set is closed, and status counts each member.
type CloseReason uint8

// The close reasons.
const (
	ClosedByPeer          CloseReason = iota // the browser went away
	HandshakeFailed                          // not TLS, or TLS we do not speak
	CertificateRefused                       // the client does not trust our certificate
	WrongProtocol                            // HTTP without TLS where TLS is spoken, or TLS where it is not
	UnexpectedProxyHeader                    // a PROXY header of a peer from whom none is expected
	NoProxyHeader                            // no PROXY header from a trusted peer, who must send one
	BadProxyHeader                           // a PROXY header of a trusted peer that is cut, too long or wrong
	NotAdmitted                              // a limit of the client that a PROXY header has named, see RefuseReason
	HandshakeTimeout                         // limits.handshake_timeout
	HandshakeEvicted                         // it was slow, and others waited for its place
	RequestTimeout                           // limits.request_timeout
	Answered                                 // a finite answer was given: an error, HEAD, OPTIONS, the demo page
	RefusedWithRetry                         // 200 with retry: and the end, see RefuseReason
	SlowClient                               // its queue was full and limits.slow is close
	StreamAged                               // limits.stream_age
	TokenEnded                               // the token or signed URL that it was opened with is over
	Kicked                                   // by an administrator
	Drained                                  // the daemon is stopping
	MemoryShed                               // memory ran short, and more waited for it than for others
	ExcessInput                              // more bytes after the request than a subscriber has reason to send
	TransportFailed                          // a read or write failed, or the peer broke TLS
	HTTP2Failed                              // the client broke HTTP/2 (RFC 9113)
	HTTP2Flood                               // it sent too much in HTTP/2 that costs work
	Idle                                     // an HTTP/2 connection without a stream
	LogBehind                                // it resumed after an id that did not come here from the cluster's log
	LogLost                                  // the cluster's log was out of reach for cluster.patience
)

const numCloseReasons = LogLost + 1

var closeReasonNames = [numCloseReasons]string{
	ClosedByPeer:          "closed_by_peer",
	HandshakeFailed:       "handshake_failed",
	CertificateRefused:    "certificate_refused",
	WrongProtocol:         "wrong_protocol",
	UnexpectedProxyHeader: "proxy_header",
	NoProxyHeader:         "proxy_header_missing",
	BadProxyHeader:        "proxy_header_invalid",
	NotAdmitted:           "not_admitted",
	HandshakeTimeout:      "handshake_timeout",
	HandshakeEvicted:      "handshake_evicted",
	RequestTimeout:        "request_timeout",
	Answered:              "answered",
	RefusedWithRetry:      "refused_kindly",
	SlowClient:            "slow_client",
	StreamAged:            "stream_aged",
	TokenEnded:            "token_ended",
	Kicked:                "kicked",
	Drained:               "drained",
	MemoryShed:            "memory_shed",
	ExcessInput:           "excess_input",
	TransportFailed:       "transport_failed",
	HTTP2Failed:           "http2_failed",
	HTTP2Flood:            "http2_flood",
	Idle:                  "idle",
	LogBehind:             "log_behind",
	LogLost:               "log_lost",
}

func (r CloseReason) String() string { return closeReasonNames[r] }

// RefuseReason is why a connection or request was refused. The set is closed, and status counts
// each member.
type RefuseReason uint8

// The refuse reasons.
const (
	RefusedConnections         RefuseReason = iota // limits.connections
	RefusedAddress                                 // limits.connections_per_address
	RefusedDescriptors                             // the process had no descriptor left
	RefusedDraining                                // the daemon is stopping
	RefusedKicked                                  // kicked with refuse_seconds
	RefusedRequest                                 // a malformed head or an unusable request (4xx, 5xx)
	RefusedRooms                                   // rooms or client id that are missing, malformed or too many
	RefusedUnauthorized                            // no token or signed URL, or none that is good (401)
	RefusedForbidden                               // rooms or an id that the client may not have (403)
	RefusedHost                                    // a Host that does not belong to the certificate (421)
	RefusedRate                                    // limits.handshake_rate
	RefusedMemory                                  // memory runs short
	RefusedPenalty                                 // its network has a penalty
	RefusedStreams                                 // limits.streams
	RefusedStreamsOfAddress                        // limits.streams_per_address
	RefusedStreamsOfConnection                     // limits.streams_per_connection
	RefusedLog                                     // the cluster's log is out of reach, or has more than was read of it
)

const numRefuseReasons = RefusedLog + 1

var refuseReasonNames = [numRefuseReasons]string{
	RefusedConnections:  "connections",
	RefusedAddress:      "connections_per_address",
	RefusedDescriptors:  "descriptors",
	RefusedDraining:     "draining",
	RefusedKicked:       "kicked",
	RefusedRequest:      "bad_request",
	RefusedRooms:        "bad_rooms",
	RefusedUnauthorized: "unauthorized",
	RefusedForbidden:    "forbidden",
	RefusedHost:         "misdirected",
	RefusedRate:         "handshake_rate",
	RefusedMemory:       "memory",
	RefusedPenalty:      "penalized",

	RefusedStreams:             "streams",
	RefusedStreamsOfAddress:    "streams_per_address",
	RefusedStreamsOfConnection: "streams_per_connection",
	RefusedLog:                 "log",
}

func (r RefuseReason) String() string { return refuseReasonNames[r] }

// refusalOf returns the reason that a refusing answer counts under. ok is false for other answers.
func refusalOf(a *exchange.Answer) (RefuseReason, bool) {
	switch a.Code {
	case exchange.CodeMissingRooms, exchange.CodeBadRoom, exchange.CodeTooManyRooms, exchange.CodeBadID:
		return RefusedRooms, true
	case exchange.CodeMissingToken, exchange.CodeInvalidToken:
		return RefusedUnauthorized, true
	case exchange.CodeAllRoomsNotAllowed, exchange.CodeRoomNotAllowed, exchange.CodeIDNotAllowed, exchange.CodeOriginNotAllowed:
		return RefusedForbidden, true
	case exchange.CodeMisdirected:
		return RefusedHost, true
	case exchange.CodeNotFound, exchange.CodeMethodNotAllowed, exchange.CodeExpectationFailed, exchange.CodeBadRequest, exchange.CodeBodyNotAllowed, exchange.CodeURITooLong, exchange.CodeHeadTooLarge,
		exchange.CodeVersionNotSupported:
		return RefusedRequest, true
	case "":
	}
	return 0, false
}
