package tlsrecord

import "errors"

// Handshake messages after the handshake (RFC 8446 section 4.6.3). A client sends no other, because
// we ask for no certificate then.
const (
	typeKeyUpdate      = 24
	updateNotRequested = 0
	updateRequested    = 1
	updateLen          = 5
)

// maxUseless is how many records in a row may bring no data. crypto/tls has the same bound.
const maxUseless = 16

// Received is what a record means to its connection.
type Received uint8

// What a record may be.
const (
	Ignored      Received = iota // nothing
	Data                         // plaintext
	UpdateWanted                 // the client wants us to change our key: send Update
	PeerClosed                   // close_notify: the client sends no more
	PeerAlert                    // the client gives up; the plaintext is one byte, its alert
)

// ErrUseless is joined to the alert about too many records without data.
var ErrUseless = errors.New("too many records without data")

// Receive opens a whole record, in place, and judges it. The plaintext is not empty if it is Data.
// The error is an [Alert], alone or joined with more: send it, and nothing more afterwards. After an
// error, PeerClosed or PeerAlert, Receive must not be called again.
func (r *Keyring) Receive(name Keys, record []byte) (Received, []byte, error) {
	k := r.inUse(name)
	if k.isOver {
		panic("tlsrecord: internal error: a record is opened after the end")
	}
	t, p, err := r.open(name, k, record)
	var got Received
	if err == nil {
		got, err = r.judge(name, k, t, p)
	}
	switch {
	case err != nil:
		k.isOver = true
		return Ignored, nil, err
	case got == PeerAlert:
		k.isOver = true
		return got, p[1:], nil
	case got == PeerClosed:
		k.isOver = true
	case got == Data:
		k.useless = 0
		return got, p, nil
	case k.begun > 0: // a part of a KeyUpdate, which counts when it is whole
	default:
		if k.useless++; k.useless > maxUseless {
			k.isOver = true
			return Ignored, nil, errors.Join(UnexpectedMessage, ErrUseless)
		}
	}
	return got, nil, nil
}

// judge decides what an opened record means.
func (r *Keyring) judge(name Keys, k *keys, t ContentType, p []byte) (Received, error) {
	if t != Handshake && k.begun > 0 {
		return Ignored, UnexpectedMessage // a message is not interrupted (section 5.1)
	}
	switch t {
	case ApplicationData:
		if len(p) == 0 {
			return Ignored, nil
		}
		return Data, nil
	case AlertRecord:
		return judgeAlert(p)
	case Handshake:
		return r.judgeMessage(name, k, p)
	case ChangeCipherSpec:
	}
	return Ignored, UnexpectedMessage
}

// judgeAlert judges the only alert of a record. The level means nothing in TLS 1.3, and all alerts
// but these two end the connection (section 6).
func judgeAlert(p []byte) (Received, error) {
	if len(p) != 2 {
		return Ignored, UnexpectedMessage
	}
	alert := Alert(p[1])
	if alert == UserCanceled { // some clients send it before close_notify, and some instead
		return Ignored, nil
	}
	if alert == CloseNotify {
		return PeerClosed, nil
	}
	return PeerAlert, nil
}

// judgeMessage takes a part of a handshake message, which may only be a KeyUpdate. Keys change at
// the end of a record, so nothing may follow it there (section 5.1).
func (r *Keyring) judgeMessage(name Keys, k *keys, p []byte) (Received, error) {
	if len(p) == 0 {
		return Ignored, UnexpectedMessage
	}
	expected := [updateLen - 1]byte{typeKeyUpdate, 0, 0, 1}
	for i, b := range p {
		if k.begun < updateLen-1 {
			switch {
			case k.begun == 0 && b != typeKeyUpdate:
				return Ignored, UnexpectedMessage
			case b != expected[k.begun]:
				return Ignored, DecodeError
			}
			k.begun++
			continue
		}
		switch {
		case b != updateNotRequested && b != updateRequested:
			return Ignored, IllegalParameter
		case i != len(p)-1:
			return Ignored, UnexpectedMessage
		}
		k.begun = 0
		r.updateRead(name, k)
		if b == updateRequested {
			return UpdateWanted, nil
		}
	}
	return Ignored, nil
}
