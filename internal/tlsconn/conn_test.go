package tlsconn

import (
	"testing"
)

// connected returns the server of a finished handshake, its descriptor, and its client.
func connected(t testing.TB, version uint16) (*Conn, *steppedEnd, *hostile) {
	t.Helper()
	l := newLink()
	e := &steppedEnd{l: l}
	c := Server(e, serverConfig(version))
	l.onEvent(c.Wake)
	made := make(chan *hostile, 1)
	go func() {
		h, err := newHostile(clientEnd{l}, version)
		if err != nil {
			t.Errorf("client: %v", err)
		}
		made <- h
	}()
	done := make(chan error, 1)
	c.Start(nil, func(err error) { done <- err })
	if err := receive(t, done); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	h := receive(t, made)
	if h == nil {
		t.FailNow()
	}
	l.onEvent(nil)
	return c, e, h
}
