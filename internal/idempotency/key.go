package idempotency

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"github.com/hassesd/hassesd/internal/eventlog"
)

// Bounds of a key, in bytes.
const (
	MinKey = 1
	MaxKey = 128
)

// IsValid reports whether text may be a key: 1 to 128 visible ASCII characters.
func IsValid(text string) bool {
	if len(text) < MinKey || len(text) > MaxKey {
		return false
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// Key identifies one message of one publisher. It is a hash, so that every key takes the same
// memory.
type Key struct {
	publisher [16]byte
	message   [16]byte
}

// KeyOf returns the key that the publisher gave to a message, or to the request that the message is
// part of. Messages of one request have different parts.
func KeyOf(publisher, key string, part int) Key {
	h := newHash()
	h.text(publisher)
	var k Key
	h.sum(k.publisher[:])
	h.text(key)
	h.number(part)
	h.sum(k.message[:])
	return k
}

// String returns the key as text, for logs that several daemons share.
func (k Key) String() string {
	return hex.EncodeToString(k.publisher[:]) + hex.EncodeToString(k.message[:])
}

// Fingerprint tells messages apart. Equal messages have equal fingerprints.
type Fingerprint [16]byte

// String returns the fingerprint as text.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// FingerprintOf returns the fingerprint of a message.
func FingerprintOf(m eventlog.Message) (f Fingerprint) {
	h := newHash()
	h.number(len(m.To))
	for _, t := range m.To {
		h.number(int(t.Kind))
		h.text(t.Name)
	}
	h.text(m.Except)
	h.text(m.Event.Name)
	h.number(int(m.Event.Retry))
	h.text(m.Event.Data)
	h.sum(f[:])
	return f
}

// hasher hashes values so that no two sequences of them look alike.
type hasher struct{ hash.Hash }

func newHash() hasher { return hasher{sha256.New()} }

func (h hasher) number(n int) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	_, _ = h.Write(b[:])
}

func (h hasher) text(s string) {
	h.number(len(s))
	for len(s) > 0 { // in pieces: a conversion would copy the whole message
		var b [512]byte
		n := copy(b[:], s)
		_, _ = h.Write(b[:n])
		s = s[n:]
	}
}

func (h hasher) sum(to []byte) {
	var b [sha256.Size]byte
	copy(to, h.Sum(b[:0]))
}
