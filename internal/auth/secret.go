package auth

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
)

// minSecret is the least length of a key for HMAC-SHA-256, in bytes: that of its hash (RFC 7518 section 3.2).
const minSecret = 32

// maxSecret bounds the file of one: a longer one is some other file.
const maxSecret = 1024

// secret answers the bytes of a symmetric key. It is a function because fmt prints unexported fields in its own way, whatever
// methods they have; of a function it knows the address alone.
type secret func() []byte

func newSecret(b []byte) secret { return func() []byte { return b } }

const hidden = "[secret]"

// String hides the bytes.
func (secret) String() string { return hidden }

// GoString hides the bytes from %#v.
func (secret) GoString() string { return hidden }

// Format hides the bytes from every verb, %x and %s alike.
func (secret) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(hidden)) }

// LogValue hides the bytes from logs.
func (secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the bytes from encoders.
func (secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// readSecret takes a key as its file has it: printable ASCII without blanks, apart from white space around it. So the
// key is the same bytes in every language that reads the file and trims it.
func readSecret(file []byte) (secret, error) {
	text := bytes.Trim(file, " \t\r\n")
	switch {
	case bytes.HasPrefix(text, []byte("-----BEGIN")):
		return nil, errors.New("is PEM, not a shared secret; that key is for another algorithm")
	case len(text) < minSecret:
		return nil, fmt.Errorf("is %d characters long, and must have %d at least (openssl rand -base64 48)", len(text), minSecret)
	case len(text) > maxSecret:
		return nil, fmt.Errorf("is longer than %d bytes, so it is no key", maxSecret)
	}
	for _, c := range text {
		if c <= ' ' || c > '~' {
			return nil, errors.New("is not printable ASCII without blanks, which every language reads alike (openssl rand -base64 48)")
		}
	}
	return newSecret(bytes.Clone(text)), nil
}

// maxKeyID bounds the name of a key.
const maxKeyID = 64

// checkKeyID says whether id can name a key. The empty id is a key without a name.
func checkKeyID(id string) error {
	if len(id) > maxKeyID {
		return fmt.Errorf("a key id has at most %d characters", maxKeyID)
	}
	for i := range len(id) {
		c := id[i]
		if !isUnreserved(c) {
			return fmt.Errorf("a key id has letters, digits and . - _ ~ only, and %q is none", rune(c))
		}
	}
	return nil
}
