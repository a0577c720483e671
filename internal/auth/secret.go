package auth

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
)

// minSecret is the minimum length of a key for HMAC-SHA-256, in bytes: that of its hash (RFC 7518 section
// 3.2).
const minSecret = 32

// maxSecret bounds the file of a secret, in bytes. A longer file is something else.
const maxSecret = 1024

// secret returns the bytes of a symmetric key. It is a function because fmt prints unexported
// fields whatever methods they have, but of a function only the address.
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

// readSecret reads a key from the content of its file: printable ASCII without blanks, with
// optional white space around it. So the key is the same bytes in every language that reads and
// trims the file.
func readSecret(file []byte) (secret, error) {
	text := bytes.Trim(file, " \t\r\n")
	switch {
	case bytes.HasPrefix(text, []byte("-----BEGIN")):
		return nil, errors.New("is PEM, not a shared secret; that key is for another algorithm")
	case len(text) < minSecret:
		return nil, fmt.Errorf("is %d characters long; at least %d are required (openssl rand -base64 48)", len(text), minSecret)
	case len(text) > maxSecret:
		return nil, fmt.Errorf("is longer than %d bytes, so it is not a key", maxSecret)
	}
	for _, c := range text {
		if c <= ' ' || c > '~' {
			return nil, errors.New("contains characters that are not printable ASCII, or blanks (openssl rand -base64 48)")
		}
	}
	return newSecret(bytes.Clone(text)), nil
}

// maxKeyID bounds the id of a key, in bytes.
const maxKeyID = 64

// checkKeyID returns an error unless id can identify a key. The empty id means a key without one.
func checkKeyID(id string) error {
	if len(id) > maxKeyID {
		return fmt.Errorf("a key id has at most %d characters", maxKeyID)
	}
	for i := range len(id) {
		c := id[i]
		if !isUnreserved(c) {
			return fmt.Errorf("a key id consists of letters, digits and . - _ ~, and %q is none of them", rune(c))
		}
	}
	return nil
}
