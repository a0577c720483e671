package tlsrecord

import "fmt"

// Alert is the description of an alert (RFC 8446 section 6). As an error it is what is wrong with
// what a client sent, and what to tell it.
type Alert uint8

// The alerts that this package sends or knows.
const (
	CloseNotify       Alert = 0
	UnexpectedMessage Alert = 10
	BadRecordMAC      Alert = 20
	RecordOverflow    Alert = 22
	IllegalParameter  Alert = 47
	DecodeError       Alert = 50
	ProtocolVersion   Alert = 70
	InternalError     Alert = 80
	UserCanceled      Alert = 90
)

// Error returns the number of the alert.
func (a Alert) Error() string { return fmt.Sprintf("TLS alert %d", uint8(a)) }

// Levels of alerts. TLS 1.3 gives them no meaning; each alert has the level of TLS 1.2.
const (
	levelWarning = 1
	levelFatal   = 2
)

// message returns the alert as it is sent.
func (a Alert) message() []byte {
	if a == CloseNotify {
		return []byte{levelWarning, byte(a)}
	}
	return []byte{levelFatal, byte(a)}
}
