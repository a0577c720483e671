package harness

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"testing"
)

// ClientHello returns the first flight of a good client, for attackers to send.
func ClientHello(t testing.TB, config *tls.Config) []byte {
	t.Helper()
	near, far := net.Pipe()
	defer far.Close()
	config = config.Clone()
	config.ServerName = "127.0.0.1"
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = tls.Client(near, config).Handshake() // nobody answers
		near.Close()
	}()
	head := make([]byte, 5)
	if _, err := io.ReadFull(far, head); err != nil {
		t.Fatal(err)
	}
	rest := make([]byte, int(head[3])<<8|int(head[4]))
	if _, err := io.ReadFull(far, rest); err != nil {
		t.Fatal(err)
	}
	far.Close()
	<-done
	return bytes.Join([][]byte{head, rest}, nil)
}
