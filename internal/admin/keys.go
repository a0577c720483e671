package admin

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/names"
)

// KeySource says where a key is and what it gives.
type KeySource struct {
	ID   string // its name in logs
	Role api.Role
	// Exactly one of the two:
	File   string // holds the key alone
	SHA256 string // of the key, in hexadecimal
}

// key is a secret that is known by its hash: to compare hashes takes the same time wherever they differ.
type key struct {
	id   string
	role api.Role
	file string // empty: only the hash is known
	sum  [sha256.Size]byte
}

const keyHint = "as openssl rand -hex 32 makes it"

func (s KeySource) load(delimiter byte) (key, error) {
	k := key{id: s.ID, role: s.Role, file: s.File}
	if s.File == "" {
		sum, err := hex.DecodeString(s.SHA256)
		if err != nil || len(sum) != sha256.Size {
			return key{}, errors.New("sha256 does not have 64 hexadecimal digits")
		}
		copy(k.sum[:], sum)
		return k, nil
	}
	text, mode, err := readAccessFile(s.File)
	if err != nil {
		return key{}, err
	}
	if mode.Perm()&0o007 != 0 {
		return key{}, fmt.Errorf("%s can be read by every user of this machine (mode %04o): make it 0600, or 0640 and of the daemon's group",
			s.File, mode.Perm())
	}
	secret := string(bytes.TrimRight(text, "\r\n"))
	if len(secret) < api.MinKey {
		return key{}, fmt.Errorf("%s holds %d bytes, and a key has at least %d, %s", s.File, len(secret), api.MinKey, keyHint)
	}
	var fault *names.Fault
	if errors.As(api.CheckKey(secret), &fault) {
		return key{}, fmt.Errorf("%s does not hold one key, %s: %s at byte %d", s.File, keyHint, fault.Reason, fault.At+1)
	}
	if delimiter != 0 && strings.IndexByte(secret, delimiter) >= 0 {
		return key{}, fmt.Errorf("%s holds the character that ends a command (control.delimiter)", s.File)
	}
	k.sum = sha256.Sum256([]byte(secret))
	return k, nil
}

// find returns the key of that hash. It takes the same time whichever it is, or none.
func (r *Rights) find(sum [sha256.Size]byte) (key, bool) {
	var found key
	ok := false
	for _, k := range r.keys {
		if subtle.ConstantTimeCompare(sum[:], k.sum[:]) == 1 {
			found, ok = k, true
		}
	}
	return found, ok
}

// maxWrongKeys is how many wrong keys one connection may send; then it is closed.
const maxWrongKeys = 3

// authorize gives the connection the role of the key that secret is, if that is greater than its own, for as long as there
// is that key.
func (c *conn) authorize(secret string) (api.Authorized, error) {
	if c.standing.door == doorFIFO {
		return api.Authorized{}, &api.Error{Code: api.CodeNotAllowed, Message: "the FIFO takes no keys", Hint: "use the Unix socket or TCP"}
	}
	if c.wrongKeys >= maxWrongKeys { // later in a batch
		return api.Authorized{}, c.wrongKey()
	}
	c.wait(c.server.guesses.delay(time.Now(), c.source))
	c.role() // puts the rules in force
	k, ok := c.standing.rights.find(sha256.Sum256([]byte(secret)))
	if !ok {
		c.wrongKeys++
		c.server.guesses.wrong(time.Now(), c.source)
		return api.Authorized{}, c.wrongKey()
	}
	if err := c.server.enter(c); err != nil {
		return api.Authorized{}, &api.Error{Code: api.CodeOverloaded, Message: err.Error(), Hint: "try again"}
	}
	c.standing.show(k)
	c.log.Info("control connection authorized", "key", k.id, "role", string(c.standing.role))
	return api.Authorized{Key: k.id, Role: c.standing.role}, nil
}

func (c *conn) wrongKey() *api.Error {
	e := &api.Error{
		Code:    api.CodeNotAllowed,
		Message: "no key of the daemon is like this one",
		Hint:    "keys are in [[control.key]] of its configuration, and are read when it starts or reloads",
		Reason:  api.RefusedKey,
	}
	if c.wrongKeys >= maxWrongKeys {
		e.Message += fmt.Sprintf("; after %d wrong ones the connection is closed", maxWrongKeys)
	}
	return e
}

// isFinished says that the connection has no further say: it guessed too often.
func (c *conn) isFinished() bool { return c.wrongKeys >= maxWrongKeys }

// keyAttrs name the key in force, for the log.
func (c *conn) keyAttrs() []slog.Attr {
	if c.standing.keyID == "" {
		return nil
	}
	return []slog.Attr{slog.String("key", c.standing.keyID)}
}
