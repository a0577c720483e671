package tlsrecord

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
)

// Suite is a cipher suite of TLS 1.3. The zero Suite is none.
type Suite uint8

// The suites (RFC 8446 appendix B.4).
const (
	AES128GCM Suite = iota + 1
	AES256GCM
	ChaCha20Poly1305
)

// SuiteOf returns the suite with a number of the TLS registry, and whether there is one.
func SuiteOf(number uint16) (Suite, bool) {
	switch number {
	case 0x1301:
		return AES128GCM, true
	case 0x1302:
		return AES256GCM, true
	case 0x1303:
		return ChaCha20Poly1305, true
	}
	return 0, false
}

// Sizes in bytes.
const (
	maxSecret = 48
	maxKey    = 32
	ivLen     = 12
)

// SecretLen returns the length of the suite's traffic secrets.
func (s Suite) SecretLen() int {
	if s == AES256GCM {
		return maxSecret
	}
	return sha256.Size
}

func (s Suite) keyLen() int {
	if s == AES128GCM {
		return 16
	}
	return maxKey
}

func (s Suite) hash() hash.Hash {
	if s == AES256GCM {
		return sha512.New384()
	}
	return sha256.New()
}

// aead returns the suite's AEAD with a key of keyLen.
func (s Suite) aead(key []byte) cipher.AEAD {
	if s == ChaCha20Poly1305 {
		return must(chacha20poly1305.New(key))
	}
	return must(cipher.NewGCM(must(aes.NewCipher(key))))
}

// expand is HKDF-Expand-Label with an empty context (RFC 8446 section 7.1), which fills dst.
func (s Suite) expand(dst, secret []byte, label string) {
	info := make([]byte, 0, 32)
	info = append(info, byte(len(dst)>>8), byte(len(dst)), byte(len("tls13 ")+len(label)))
	info = append(append(append(info, "tls13 "...), label...), 0)
	key := must(hkdf.Expand(s.hash, secret, string(info), len(dst)))
	copy(dst, key)
	clear(key)
}

// deriveKey fills key and iv with what a traffic secret stands for (RFC 8446 section 7.3).
func (s Suite) deriveKey(key, iv, secret []byte) {
	s.expand(key, secret, "key")
	s.expand(iv, secret, "iv")
}

// nextSecret replaces a traffic secret by the next one (RFC 8446 section 7.2).
func (s Suite) nextSecret(secret []byte) { s.expand(secret, secret, "traffic upd") }

// must returns what cannot fail with lengths that the suite itself has chosen.
func must[T any](v T, err error) T {
	if err != nil {
		panic("tlsrecord: internal error: " + err.Error())
	}
	return v
}
