package tlsconn

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"testing"
)

// This file pins what the package relies on in crypto/tls and crypto/tls does not promise. A
// failure here after a change of the Go release means: read crypto/tls/conn.go again before
// anything else.

// probe is a transport for tls.Server: blocking at first, then as the test says.
type probe struct {
	blockingEnd
	read, write func(p []byte) (int, error) // nil: blocking
}

func newProbe() *probe { return &probe{blockingEnd: blockingEnd{clientEnd{newLink()}}} }

func (p *probe) Read(b []byte) (int, error) {
	if p.read != nil {
		return p.read(b)
	}
	return p.blockingEnd.Read(b)
}

func (p *probe) Write(b []byte) (int, error) {
	if p.write != nil {
		return p.write(b)
	}
	return p.blockingEnd.Write(b)
}

func failing(err error) func([]byte) (int, error) {
	return func([]byte) (int, error) { return 0, err }
}

// opened returns the server of a finished handshake over p, and its client.
func opened(t *testing.T, version uint16, p *probe) (*tls.Conn, *hostile) {
	t.Helper()
	made := make(chan *hostile, 1)
	go func() {
		h, err := newHostile(clientEnd{p.l}, version)
		if err != nil {
			t.Errorf("client: %v", err)
		}
		made <- h
	}()
	server := tls.Server(p, serverConfig(version))
	if err := server.Handshake(); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	client := receive(t, made)
	if client == nil {
		t.FailNow()
	}
	return server, client
}

func forBothVersions(t *testing.T, test func(t *testing.T, version uint16)) {
	t.Helper()
	t.Parallel()
	for _, v := range versions {
		t.Run(tls.VersionName(v), func(t *testing.T) {
			t.Parallel()
			test(t, v)
		})
	}
}

func TestFactTemporaryReadErrorIsNotRememberedAfterHandshake(t *testing.T) {
	forBothVersions(t, func(t *testing.T, version uint16) {
		p := newProbe()
		server, client := opened(t, version, p)
		client.send(typeData, []byte("whole"))
		p.read = (&steppedEnd{l: p.l, script: script{reads: stutter()}}).Read
		buf := make([]byte, 100)
		blocked := 0
		for {
			n, err := server.Read(buf)
			if err == nil {
				if string(buf[:n]) != "whole" {
					t.Errorf("got %q, want the record", buf[:n])
				}
				break
			}
			if n != 0 || err != errBlocked { //nolint:errorlint // the fact is that the error itself comes back
				t.Fatalf("got %d bytes and error %v, want the transport's error itself", n, err)
			}
			blocked++
		}
		if blocked < 20 {
			t.Errorf("the record was interrupted %d times, want an interruption before each byte", blocked)
		}
	})
}

func TestFactTemporaryReadErrorIsRememberedDuringHandshake(t *testing.T) {
	forBothVersions(t, func(t *testing.T, version uint16) {
		p := newProbe()
		p.read = failing(errBlocked)
		server := tls.Server(p, serverConfig(version))
		if err := server.Handshake(); !errors.Is(err, errBlocked) {
			t.Fatalf("got %v, want the transport's error", err)
		}
		p.read = func([]byte) (int, error) {
			t.Error("the transport was read again: a handshake could be resumed without a goroutine")
			return 0, io.EOF
		}
		if err := server.Handshake(); !errors.Is(err, errBlocked) {
			t.Errorf("second handshake: got %v, want the first error again", err)
		}
	})
}

func TestFactOtherReadErrorsAreRemembered(t *testing.T) {
	forBothVersions(t, func(t *testing.T, version uint16) {
		p := newProbe()
		server, client := opened(t, version, p)
		client.send(typeData, []byte("data"))
		p.read = failing(os.ErrPermission)
		buf := make([]byte, 10)
		for range 2 {
			if _, err := server.Read(buf); !errors.Is(err, os.ErrPermission) {
				t.Errorf("got %v, want the transport's first error", err)
			}
			p.read = nil
		}
	})
}

func TestFactWriteErrorsAreRemembered(t *testing.T) {
	forBothVersions(t, func(t *testing.T, version uint16) {
		p := newProbe()
		server, _ := opened(t, version, p)
		p.write = failing(errBlocked)
		for range 2 {
			_, err := server.Write([]byte("data"))
			if !errors.Is(err, errBlocked) {
				t.Errorf("got %v, want the transport's first error, temporary or not", err)
			}
			p.write = nil
		}
	})
}

func TestFactFailedKeyUpdateAnswerIsLeftToTheNextWrite(t *testing.T) {
	t.Parallel()
	p := newProbe()
	server, client := opened(t, tls.VersionTLS13, p)
	client.updateKeys(keyUpdateRequested)
	p.read = (&steppedEnd{l: p.l}).Read
	p.write = failing(os.ErrPermission)
	if n, err := server.Read(make([]byte, 10)); n != 0 || !errors.Is(err, errBlocked) {
		t.Errorf("read: got %d bytes and error %v, want would-block as if nothing had happened", n, err)
	}
	p.write = nil
	if _, err := server.Write([]byte("x")); !errors.Is(err, os.ErrPermission) {
		t.Errorf("write: got %v, want the error of the answer", err)
	}
}

func TestFactBytesWaitInsideTheConnection(t *testing.T) {
	forBothVersions(t, func(t *testing.T, version uint16) {
		p := newProbe()
		server, client := opened(t, version, p)
		client.sendRaw(append(client.seal(typeData, []byte("one"), 0), client.seal(typeData, []byte("two"), 0)...))
		buf := make([]byte, 10)
		if n, err := server.Read(buf); err != nil || string(buf[:n]) != "one" {
			t.Fatalf("got %q and error %v", buf[:n], err)
		}
		p.read = failing(errBlocked)
		if n, err := server.Read(buf); err != nil || string(buf[:n]) != "two" {
			t.Errorf("got %q and error %v, want the second record without a read of the transport", buf[:n], err)
		}
	})
}

func TestFactOneWriteOfTheTransportPerRecord(t *testing.T) {
	forBothVersions(t, func(t *testing.T, version uint16) {
		p := newProbe()
		server, _ := opened(t, version, p)
		writes := 0
		p.write = func(b []byte) (int, error) {
			writes++
			return len(b), nil
		}
		for range 3 {
			if _, err := server.Write(make([]byte, MaxSeal)); err != nil {
				t.Fatal(err)
			}
		}
		if writes != 3 {
			t.Errorf("3 records of %d bytes made %d writes, want one each", MaxSeal, writes)
		}
	})
}

func TestFactHandshakeFlightIsOneWrite(t *testing.T) {
	forBothVersions(t, func(t *testing.T, version uint16) {
		p := newProbe()
		writes := 0
		p.write = func(b []byte) (int, error) {
			writes++
			return p.blockingEnd.Write(b)
		}
		opened(t, version, p)
		if writes > 2 {
			t.Errorf("a handshake made %d writes, want at most 2", writes)
		}
	})
}
