package acmecert

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"time"
)

const (
	// askForAdvice is how often to ask an authority that does not state an interval. The interval
	// that an authority states is kept between the other two (RFC 9773 section 4.3).
	askForAdvice      = 6 * time.Hour
	askForAdviceLeast = time.Minute
	askForAdviceMost  = 24 * time.Hour
	// adviceTimeout bounds one request for advice.
	adviceTimeout = time.Minute
)

// errNoAdvice is the error of an authority without renewal information.
var errNoAdvice = errors.New("the authority offers no renewal information")

// advice is when the authority wants a certificate to be renewed, possibly earlier than by its age:
// because it will revoke it, or to spread load.
type advice struct {
	renewAt time.Time // zero: it has not stated a time
	askAt   time.Time // when to ask again; zero: at once
}

// renewalID returns the identifier of a certificate in renewal information (RFC 9773 section 4.1),
// or "" if it cannot have one.
func renewalID(leaf *x509.Certificate) string {
	if len(leaf.AuthorityKeyId) == 0 || leaf.SerialNumber.Sign() <= 0 {
		return ""
	}
	serial := leaf.SerialNumber.Bytes()
	if serial[0]&0x80 != 0 {
		serial = append([]byte{0}, serial...) // as in DER, where it would otherwise be negative
	}
	return base64.RawURLEncoding.EncodeToString(leaf.AuthorityKeyId) + "." + base64.RawURLEncoding.EncodeToString(serial)
}
