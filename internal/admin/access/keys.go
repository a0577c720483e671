package access

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/names"
)

// KeySource is where a key is, and the role that it gives.
type KeySource struct {
	ID   string // its name in logs
	Role api.Role
	// Exactly one of the two:
	File   string // holds the key alone
	SHA256 string // of the key, in hexadecimal
}

// Key is a secret, kept as its hash: comparing hashes takes the same time wherever they differ.
type Key struct {
	ID   string
	Role api.Role
	file string // empty: only the hash is known
	sum  [sha256.Size]byte
}

const keyHint = "as openssl rand -hex 32 makes it"

func (s KeySource) load(delimiter byte) (Key, error) {
	k := Key{ID: s.ID, Role: s.Role, file: s.File}
	if s.File == "" {
		sum, err := hex.DecodeString(s.SHA256)
		if err != nil || len(sum) != sha256.Size {
			return Key{}, errors.New("sha256 does not have 64 hexadecimal digits")
		}
		copy(k.sum[:], sum)
		return k, nil
	}
	text, mode, err := readAccessFile(s.File)
	if err != nil {
		return Key{}, err
	}
	if mode.Perm()&0o007 != 0 {
		return Key{}, fmt.Errorf("%s can be read by every user of this machine (mode %04o): make it 0600, or 0640 and of the daemon's group",
			s.File, mode.Perm())
	}
	secret := string(bytes.TrimRight(text, "\r\n"))
	if len(secret) < api.MinKey {
		return Key{}, fmt.Errorf("%s holds %d bytes, and a key has at least %d, %s", s.File, len(secret), api.MinKey, keyHint)
	}
	var fault *names.Fault
	if errors.As(api.CheckKey(secret), &fault) {
		return Key{}, fmt.Errorf("%s does not hold one key, %s: %s at byte %d", s.File, keyHint, fault.Reason, fault.At+1)
	}
	if delimiter != 0 && strings.IndexByte(secret, delimiter) >= 0 {
		return Key{}, fmt.Errorf("%s holds the character that ends a command (control.delimiter)", s.File)
	}
	k.sum = sha256.Sum256([]byte(secret))
	return k, nil
}
