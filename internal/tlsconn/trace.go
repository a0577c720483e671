package tlsconn

import "encoding/binary"

// Types of records (RFC 8446 section 5.1).
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordApplication      = 23 // in TLS 1.3: any encrypted record
)

// alertLen is the length of an unencrypted alert: its level and its description.
const alertLen = 2

// Trace follows the records of a server's handshake, so that [Trace.Judge] can return why it
// failed. crypto/tls does not expose what the peer sent, and takes an unencrypted alert for a
// record that it cannot decrypt. The zero value is ready. A trace belongs to the goroutine that
// runs the handshake, and does not keep the slices passed to it.
type Trace struct {
	first [headerLen]byte // the first bytes of the client
	begun int             // bytes of first received

	header [headerLen]byte // of the client's last record
	have   int             // bytes of header received
	rest   int             // bytes of the record not yet received
	body   [alertLen]byte  // first bytes of the record
	filled int             // of body

	sealed   bool // the client has sent an encrypted record
	answered bool // we have sent a handshake message
	verdict  byte // the description of the unencrypted alert that we sent; 0: none
}

// Received records bytes that the client sent, in pieces of any size.
func (t *Trace) Received(p []byte) {
	t.begun += copy(t.first[t.begun:], p)
	for len(p) > 0 {
		if t.have == headerLen && t.rest == 0 {
			t.have, t.filled = 0, 0 // start of another record
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

// missing returns how many bytes complete the header or the record that the client is sending.
// Between two records, that is a header.
func (t *Trace) missing() int {
	switch {
	case t.have < headerLen:
		return headerLen - t.have
	case t.rest > 0:
		return t.rest
	}
	return headerLen
}

// Sent records one or more whole records that the server sends.
func (t *Trace) Sent(p []byte) {
	switch {
	case len(p) > 0 && p[0] == recordHandshake:
		t.answered = true
	case len(p) == headerLen+alertLen && p[0] == recordAlert:
		t.verdict = p[headerLen+1]
	}
}

// inPlainAlert reports whether the client's last record is an unencrypted alert, or the beginning
// of one. A client that has started to encrypt sends none.
func (t *Trace) inPlainAlert() bool {
	return t.have == headerLen && t.header[0] == recordAlert && t.header[1] == 3 &&
		binary.BigEndian.Uint16(t.header[3:]) == alertLen && !t.sealed
}

// plainAlert returns the description of the unencrypted alert that is the client's last record, if
// it is one.
func (t *Trace) plainAlert() (description byte, ok bool) {
	hasLevel := t.body[0] == alertLevelWarning || t.body[0] == alertLevelFatal
	return t.body[1], t.inPlainAlert() && t.rest == 0 && hasLevel
}

// Levels of alerts.
const (
	alertLevelWarning = 1
	alertLevelFatal   = 2
)
