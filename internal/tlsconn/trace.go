package tlsconn

import "encoding/binary"

// Types of records (RFC 8446 section 5.1).
const (
	recordAlert       = 21
	recordHandshake   = 22
	recordApplication = 23 // in TLS 1.3 anything under keys
)

// alertLen is the length of an alert without protection: its level and its description.
const alertLen = 2

// Trace follows the records of a server's handshake, so that [Trace.Judge] can say why it failed: crypto/tls keeps to
// itself what the other side sent, and takes an alert that comes in the clear for a record that it cannot decrypt. The zero
// value is ready. It belongs to whoever runs the handshake, and keeps no memory of what it is shown.
type Trace struct {
	first [headerLen]byte // of what the client sent
	begun int             // bytes of it that have come

	header [headerLen]byte // of the record that the client sent last
	have   int             // bytes of it that have come
	rest   int             // bytes of the record that have not
	body   [alertLen]byte  // its first bytes
	filled int             // of body

	sealed   bool // the client has sent a record under keys
	answered bool // a handshake message of ours has gone out
	verdict  byte // the description of the alert that we sent in the clear; 0: none
}

// Received takes note of what the client sent, in pieces of any size.
func (t *Trace) Received(p []byte) {
	t.begun += copy(t.first[t.begun:], p)
	for len(p) > 0 {
		if t.have == headerLen && t.rest == 0 {
			t.have, t.filled = 0, 0 // another record begins
		}
		if t.have < headerLen {
			n := copy(t.header[t.have:], p)
			t.have += n
			p = p[n:]
			if t.have == headerLen {
				t.rest = int(binary.BigEndian.Uint16(t.header[3:]))
				t.sealed = t.sealed || t.header[0] == recordApplication
			}
			continue
		}
		n := min(t.rest, len(p))
		t.filled += copy(t.body[t.filled:], p[:n])
		t.rest -= n
		p = p[n:]
	}
}

// Sent takes note of one or more whole records that the server sends.
func (t *Trace) Sent(p []byte) {
	switch {
	case len(p) > 0 && p[0] == recordHandshake:
		t.answered = true
	case len(p) == headerLen+alertLen && p[0] == recordAlert:
		t.verdict = p[headerLen+1]
	}
}

// inPlainAlert reports whether the last record of the client is an alert in the clear, or its beginning. A client that has
// begun to encrypt sends none.
func (t *Trace) inPlainAlert() bool {
	return t.have == headerLen && t.header[0] == recordAlert && t.header[1] == 3 &&
		binary.BigEndian.Uint16(t.header[3:]) == alertLen && !t.sealed
}

// plainAlert returns the description of the alert in the clear that is the last record of the client.
func (t *Trace) plainAlert() (description byte, ok bool) {
	hasLevel := t.body[0] == alertLevelWarning || t.body[0] == alertLevelFatal
	return t.body[1], t.inPlainAlert() && t.rest == 0 && hasLevel
}

// Levels of alerts.
const (
	alertLevelWarning = 1
	alertLevelFatal   = 2
)
