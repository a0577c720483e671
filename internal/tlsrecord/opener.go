package tlsrecord

import (
	"crypto/cipher"
	"encoding/binary"
)

// Opener opens the records of one key, one after the other, for a caller that has to know what was
// sealed with it. It does not change a record. Its key can then seal in a [Keyring].
type Opener struct {
	suite  Suite
	aead   cipher.AEAD
	number uint64 // of the next record
	secret [maxSecret]byte
	key    [maxKey]byte
	iv     [ivLen]byte
	nonce  [ivLen]byte
	room   []byte // for what is opened
}

const badSecret = "tlsrecord: internal error: the length of a secret is not that of the suite"

// NewOpener returns an opener for the key that a traffic secret stands for, from number 0 on.
func NewOpener(s Suite, secret []byte) *Opener {
	if len(secret) != s.SecretLen() {
		panic(badSecret)
	}
	o := &Opener{suite: s}
	key := o.key[:s.keyLen()]
	copy(o.secret[:], secret)
	s.deriveKey(key, o.iv[:], secret)
	o.aead = s.aead(key)
	return o
}

// SecretLen returns the length of the traffic secret.
func (o *Opener) SecretLen() int { return o.suite.SecretLen() }

// Opens reports whether a whole record is the next one of this key, and returns what it contains.
// If it is not, the next one is still expected.
func (o *Opener) Opens(record []byte) (ContentType, bool) {
	o.nonce = o.iv
	low := o.nonce[ivLen-8:]
	binary.BigEndian.PutUint64(low, binary.BigEndian.Uint64(low)^o.number)
	body := record[HeaderLen:]
	if cap(o.room) < len(body) {
		o.room = make([]byte, 0, len(body))
	}
	inner, err := o.aead.Open(o.room, o.nonce[:], body, record[:HeaderLen])
	if err != nil {
		return 0, false
	}
	t, _, err := unpad(inner)
	if err != nil {
		return 0, false
	}
	o.number++
	return t, true
}

// Opened returns how many records were opened.
func (o *Opener) Opened() uint64 { return o.number }

// Clear overwrites the secret and the key. The opener must not be used any more.
func (o *Opener) Clear() {
	clear(o.room[:cap(o.room)])
	*o = Opener{}
}
