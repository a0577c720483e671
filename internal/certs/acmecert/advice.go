package acmecert

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"time"
)

const (
	// askForAdvice is how often an authority is asked that does not say how often it wants to be; what it says is kept
	// between the other two (RFC 9773 section 4.3).
	askForAdvice      = 6 * time.Hour
	askForAdviceLeast = time.Minute
	askForAdviceMost  = 24 * time.Hour
	// adviceTimeout bounds one asking.
	adviceTimeout = time.Minute
)

// errNoAdvice is what an authority without renewal information comes to.
var errNoAdvice = errors.New("the authority does not say when to renew")

// advice is when the authority would have a certificate renewed, earlier than by its age if need be: before it revokes
// it, or to spread its load.
type advice struct {
	renewAt time.Time // zero: it has not said
	askAt   time.Time // when to ask again; zero: at once
}

// renewalID is the name of a certificate in renewal information (RFC 9773 section 4.1); empty if it cannot have one.
func renewalID(leaf *x509.Certificate) string {
	if len(leaf.AuthorityKeyId) == 0 || leaf.SerialNumber.Sign() <= 0 {
		return ""
	}
	serial := leaf.SerialNumber.Bytes()
	if serial[0]&0x80 != 0 {
		serial = append([]byte{0}, serial...) // as in DER, where it would be negative otherwise
	}
	return base64.RawURLEncoding.EncodeToString(leaf.AuthorityKeyId) + "." + base64.RawURLEncoding.EncodeToString(serial)
}
