package tlsconn

import (
	"bytes"
	"encoding/hex"
)

// keyLog receives the secrets of one handshake from crypto/tls, as lines in the format that is made
// for key log files (RFC 9850): "label random secret", in hexadecimal. It keeps three secrets, in
// memory, until the handshake has ended. No line ever reaches a file or a log.
type keyLog struct {
	serverHandshake, client, server loggedSecret
	odd                             bool // a line was not as expected
}

// loggedSecret is a secret of a line; its length is 0 before that.
type loggedSecret struct {
	bytes [maxSecret]byte
	n     int
}

// Write implements io.Writer. crypto/tls writes one line at a time. It never fails: that would fail
// the handshake.
func (k *keyLog) Write(line []byte) (int, error) {
	label, rest, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	_, secret, isWhole := bytes.Cut(rest, []byte(" "))
	var to *loggedSecret
	switch string(label) {
	case "SERVER_HANDSHAKE_TRAFFIC_SECRET":
		to = &k.serverHandshake
	case "CLIENT_TRAFFIC_SECRET_0":
		to = &k.client
	case "SERVER_TRAFFIC_SECRET_0":
		to = &k.server
	default:
		return len(line), nil
	}
	if !isWhole || to.n > 0 || hex.DecodedLen(len(secret)) > maxSecret {
		k.odd = true
		return len(line), nil
	}
	n, err := hex.Decode(to.bytes[:], secret)
	to.n, k.odd = n, k.odd || err != nil
	return len(line), nil
}

// isComplete reports whether there are all secrets, of length n, and nothing odd has come.
func (k *keyLog) isComplete(n int) bool {
	return !k.odd && k.serverHandshake.n == n && k.client.n == n && k.server.n == n
}

// clear overwrites the secrets.
func (k *keyLog) clear() { *k = keyLog{} }
