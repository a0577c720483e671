package tlsrecord

import (
	"crypto/cipher"
	"encoding/binary"
)

// Opener opens the records of one key, one after the other, for a caller that has to know what was
// sealed with it. It changes neither a record nor a [Keyring].
type Opener struct {
	aead   cipher.AEAD
	iv     [ivLen]byte
	number uint64
}

// NewOpener returns an opener for the key that a traffic secret stands for, from number 0 on.
func NewOpener(s Suite, secret []byte) *Opener {
	var key [maxKey]byte
	o := &Opener{}
	s.deriveKey(key[:s.keyLen()], o.iv[:], secret)
	o.aead = s.aead(key[:s.keyLen()])
	clear(key[:])
	return o
}

// Opens reports whether a whole record is the next one of this key, and returns what it contains.
// If it is not, the next one is still expected.
func (o *Opener) Opens(record []byte) (ContentType, bool) {
	nonce := o.iv
	low := nonce[ivLen-8:]
	binary.BigEndian.PutUint64(low, binary.BigEndian.Uint64(low)^o.number)
	inner, err := o.aead.Open(nil, nonce[:], record[HeaderLen:], record[:HeaderLen])
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
