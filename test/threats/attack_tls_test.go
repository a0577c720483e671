package threats

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/hassesd/hassesd/test/harness"
)

// recordWriter is a TLS 1.3 client that after its handshake writes arbitrary records (RFC 8446
// section 5.2).
type recordWriter struct {
	t      testing.TB
	conn   net.Conn
	hash   func() hash.Hash
	keyLen int
	isAES  bool

	secret []byte // of our direction
	aead   cipher.AEAD
	iv     []byte
	seq    uint64
}

// The types of records and handshake messages that attackers use.
const (
	recordAlert       = 21
	recordHandshake   = 22
	recordApplication = 23
)

// shakeHands connects over TLS 1.3 and takes the keys from crypto/tls.
func shakeHands(d *harness.Daemon) *recordWriter {
	d.T.Helper()
	conn, err := net.DialTimeout("tcp", d.HTTPS, harness.Patience)
	if err != nil {
		d.T.Fatal(err)
	}
	d.T.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
		d.T.Fatal(err)
	}
	var keys bytes.Buffer
	config := d.CA.ClientConfig().Clone()
	config.ServerName, _, _ = net.SplitHostPort(d.HTTPS)
	config.MinVersion, config.KeyLogWriter = tls.VersionTLS13, &keys
	client := tls.Client(conn, config)
	if err := client.HandshakeContext(d.T.Context()); err != nil {
		d.T.Fatal(err)
	}
	w := &recordWriter{t: d.T, conn: conn, hash: sha256.New, keyLen: 16, isAES: true}
	switch suite := client.ConnectionState().CipherSuite; suite {
	case tls.TLS_AES_128_GCM_SHA256:
	case tls.TLS_AES_256_GCM_SHA384:
		w.hash, w.keyLen = sha512.New384, 32
	case tls.TLS_CHACHA20_POLY1305_SHA256:
		w.keyLen, w.isAES = 32, false
	default:
		d.T.Fatalf("the suite is %s", tls.CipherSuiteName(suite))
	}
	for line := range strings.Lines(keys.String()) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "CLIENT_TRAFFIC_SECRET_0" {
			if w.secret, err = hex.DecodeString(fields[2]); err != nil {
				d.T.Fatal(err)
			}
		}
	}
	w.derive()
	return w
}

// derive computes key and nonce from the secret.
func (w *recordWriter) derive() {
	var err error
	if key := w.expand("key", w.keyLen); w.isAES {
		block, errBlock := aes.NewCipher(key)
		if errBlock != nil {
			w.t.Fatal(errBlock)
		}
		w.aead, err = cipher.NewGCM(block)
	} else {
		w.aead, err = chacha20poly1305.New(key)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.iv, w.seq = w.expand("iv", 12), 0
}

// expand is HKDF-Expand-Label (RFC 8446 section 7.1) without a context.
func (w *recordWriter) expand(label string, n int) []byte {
	label = "tls13 " + label
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(append(append(info, byte(len(label))), label...), 0)
	out, err := hkdf.Expand(w.hash, w.secret, string(info), n)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// record seals one record.
func (w *recordWriter) record(kind byte, content []byte) []byte {
	plain := append(bytes.Clone(content), kind)
	header := []byte{recordApplication, 3, 3, 0, 0}
	binary.BigEndian.PutUint16(header[3:], uint16(len(plain)+w.aead.Overhead()))
	nonce := bytes.Clone(w.iv)
	for i := range 8 {
		nonce[4+i] ^= byte(w.seq >> (56 - 8*i))
	}
	w.seq++
	return w.aead.Seal(header, nonce, plain, header)
}

// keyUpdate seals a KeyUpdate and switches to the next key (RFC 8446 section 4.6.3).
func (w *recordWriter) keyUpdate(isRequest bool) []byte {
	message := []byte{24, 0, 0, 1, 0}
	if isRequest {
		message[4] = 1
	}
	sealed := w.record(recordHandshake, message)
	w.secret = w.expand("traffic upd", w.hash().Size())
	w.derive()
	return sealed
}

// subscribe sends a request. It does not read the response.
func (w *recordWriter) subscribe(room string) {
	w.t.Helper()
	head := fmt.Sprintf("GET /sse?subscribe=%s HTTP/1.1\r\nHost: localhost\r\n\r\n", room)
	if _, err := w.conn.Write(w.record(recordApplication, []byte(head))); err != nil {
		w.t.Fatal(err)
	}
}

// until writes the records that next returns until the connection ends or most bytes are written.
// It returns how many bytes were written and whether the connection ended.
func (w *recordWriter) until(most int, next func() []byte) (written int, isGone bool) {
	w.t.Helper()
	gone := make(chan struct{})
	go func() { // discards what the server sends, until it closes
		defer close(gone)
		buf := make([]byte, 64<<10)
		for {
			if _, err := w.conn.Read(buf); err != nil {
				return
			}
		}
	}()
	for written < most {
		n, err := w.conn.Write(next())
		written += n
		if err != nil {
			break
		}
		select {
		case <-gone:
			return written, true
		default:
		}
	}
	select {
	case <-gone:
		return written, true
	case <-time.After(2 * time.Second):
		return written, false
	}
}
