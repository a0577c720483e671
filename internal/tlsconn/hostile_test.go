package tlsconn

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// Record types, RFC 8446 section 5.1.
const (
	typeChangeCipherSpec byte = 20
	typeAlert            byte = 21
	typeHandshake        byte = 22
	typeData             byte = 23
)

// Handshake messages that a client may try after the handshake.
var (
	keyUpdate          = []byte{24, 0, 0, 1, 0}
	keyUpdateRequested = []byte{24, 0, 0, 1, 1}
)

// hostile is a client that makes its own records once an honest client has done the handshake.
// It knows AES-128-GCM alone, which Go's two ends agree on wherever the processor has AES.
type hostile struct {
	raw     clientEnd
	tls     *tls.Conn // reads what the server says; must not write
	version uint16
	secret  []byte // TLS 1.3: the client's application traffic secret
	aead    cipher.AEAD
	iv      []byte // TLS 1.3: 12 bytes; TLS 1.2: the 4 that are not sent
	seq     uint64
}

// hostileClient is a scenario's client that does the handshake, lets act send what it likes, and
// ends its side.
func hostileClient(version uint16, act func(h *hostile)) func(raw clientEnd) error {
	return func(raw clientEnd) error {
		h, err := newHostile(raw, version)
		if err != nil {
			return err
		}
		act(h)
		raw.CloseWrite()
		return nil
	}
}

func newHostile(raw clientEnd, version uint16) (*hostile, error) {
	var keys bytes.Buffer
	tap := &tapped{clientEnd: raw}
	config := clientConfig(version)
	config.KeyLogWriter = &keys
	config.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256} // of TLS 1.2
	h := &hostile{raw: raw, tls: tls.Client(tap, config), version: version}
	if err := h.tls.Handshake(); err != nil {
		return nil, err
	}
	if version == tls.VersionTLS13 {
		if id := h.tls.ConnectionState().CipherSuite; id != tls.TLS_AES_128_GCM_SHA256 {
			return nil, fmt.Errorf("the ends agreed on %s; this client knows AES-128-GCM alone", tls.CipherSuiteName(id))
		}
		_, secret, err := keyLogLine(keys.String(), "CLIENT_TRAFFIC_SECRET_0")
		if err != nil {
			return nil, err
		}
		h.setSecret(secret)
		return h, nil
	}
	clientRandom, master, err := keyLogLine(keys.String(), "CLIENT_RANDOM")
	if err != nil {
		return nil, err
	}
	// A ServerHello begins with record header, handshake header, version, random.
	const randomAt, randomLen = 5 + 4 + 2, 32
	serverRandom := tap.trace[randomAt : randomAt+randomLen]
	block := prf12(master, "key expansion", append(serverRandom[:len(serverRandom):len(serverRandom)], clientRandom...), 2*16+2*4)
	h.aead, h.iv = gcm(block[:16]), block[32:36]
	h.seq = 1 // Finished was the first
	return h, nil
}

// tapped keeps what a client reads.
type tapped struct {
	clientEnd
	trace []byte
}

func (e *tapped) Read(p []byte) (int, error) {
	n, err := e.clientEnd.Read(p)
	e.trace = append(e.trace, p[:n]...)
	return n, err
}

// keyLogLine finds "label context secret" in the NSS key log format.
func keyLogLine(log, label string) (context, secret []byte, err error) {
	for line := range strings.Lines(log) {
		f := strings.Fields(line)
		if len(f) != 3 || f[0] != label {
			continue
		}
		if context, err = hex.DecodeString(f[1]); err != nil {
			return nil, nil, err
		}
		secret, err = hex.DecodeString(f[2])
		return context, secret, err
	}
	return nil, nil, fmt.Errorf("no %s in the key log", label)
}

// setSecret derives the record keys of RFC 8446 section 7.3.
func (h *hostile) setSecret(secret []byte) {
	h.secret = secret
	h.aead, h.iv = gcm(expandLabel(secret, "key", 16)), expandLabel(secret, "iv", 12)
	h.seq = 0
}

// nextKeys goes on to the keys that follow a KeyUpdate, RFC 8446 section 7.2.
func (h *hostile) nextKeys() { h.setSecret(expandLabel(h.secret, "traffic upd", sha256.Size)) }

// send seals one record and sends it.
func (h *hostile) send(typ byte, data []byte) { h.sendRaw(h.seal(typ, data, 0)) }

// sendRaw sends bytes as they are. A memory link takes them all.
func (h *hostile) sendRaw(p []byte) {
	if _, err := h.raw.Write(p); err != nil {
		panic(err)
	}
}

// updateKeys sends a KeyUpdate and uses the new keys from then on.
func (h *hostile) updateKeys(message []byte) {
	h.send(typeHandshake, message)
	h.nextKeys()
}

// seal makes one protected record; padding is TLS 1.3's.
func (h *hostile) seal(typ byte, data []byte, padding int) []byte {
	var seq [8]byte
	binary.BigEndian.PutUint64(seq[:], h.seq)
	h.seq++
	if h.version == tls.VersionTLS13 {
		inner := append(append(bytes.Clone(data), typ), make([]byte, padding)...)
		nonce := bytes.Clone(h.iv)
		for i, b := range seq {
			nonce[4+i] ^= b
		}
		header := recordHeader(typeData, len(inner)+h.aead.Overhead())
		return h.aead.Seal(header, nonce, inner, header)
	}
	// RFC 5288: the sequence number serves as the explicit part of the nonce.
	header := recordHeader(typ, len(seq)+len(data)+h.aead.Overhead())
	additional := append(append(seq[:len(seq):len(seq)], header[:3]...), byte(len(data)>>8), byte(len(data)))
	return h.aead.Seal(append(header, seq[:]...), append(bytes.Clone(h.iv), seq[:]...), data, additional)
}

// hear reads what the server says, to the end of its stream or the first error.
func (h *hostile) hear() ([]byte, error) { return io.ReadAll(h.tls) }

func recordHeader(typ byte, n int) []byte { return []byte{typ, 3, 3, byte(n >> 8), byte(n)} }

func gcm(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// expandLabel is HKDF-Expand-Label with an empty context, RFC 8446 section 7.1.
func expandLabel(secret []byte, label string, n int) []byte {
	label = "tls13 " + label
	info := append([]byte{byte(n >> 8), byte(n), byte(len(label))}, label...)
	out, err := hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
	if err != nil {
		panic(err)
	}
	return out
}

// prf12 is the pseudorandom function of TLS 1.2 with SHA-256, RFC 5246 section 5.
func prf12(secret []byte, label string, seed []byte, n int) []byte {
	mac := func(parts ...[]byte) []byte {
		m := hmac.New(sha256.New, secret)
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	seed = append([]byte(label), seed...)
	var out []byte
	for a := mac(seed); len(out) < n; a = mac(a) {
		out = append(out, mac(a, seed)...)
	}
	return out[:n]
}
