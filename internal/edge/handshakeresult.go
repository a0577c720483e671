package edge

// HandshakeResult is how a TLS handshake ended. The set is closed, and each member is counted.
type HandshakeResult uint8

// The results.
const (
	HandshakeOK       HandshakeResult = iota
	HandshakeLeft                     // the client went away
	HandshakeDistrust                 // it does not trust our certificate
	HandshakeInvalid                  // no TLS, or TLS that we do not speak
	HandshakeTooSlow                  // limits.handshake_timeout, or others waited for its slot
	HandshakeGivenUp                  // our own doing: the daemon stops, or memory ran short
)

const numHandshakeResults = HandshakeGivenUp + 1

var handshakeResultNames = [numHandshakeResults]string{
	HandshakeOK:       "ok",
	HandshakeLeft:     "left",
	HandshakeDistrust: "distrust",
	HandshakeInvalid:  "invalid",
	HandshakeTooSlow:  "too_slow",
	HandshakeGivenUp:  "given_up",
}

func (r HandshakeResult) String() string { return handshakeResultNames[r] }

// handshakeResult returns how a handshake ended whose connection ends for that reason.
func handshakeResult(reason CloseReason, aborted bool) HandshakeResult {
	switch reason { //nolint:exhaustive // the others end connections that have no handshake, or come from us
	case ClosedByPeer:
		return HandshakeLeft
	case CertificateRefused:
		return HandshakeDistrust
	case HandshakeTimeout, HandshakeEvicted:
		return HandshakeTooSlow
	}
	if aborted {
		return HandshakeGivenUp
	}
	return HandshakeInvalid
}
