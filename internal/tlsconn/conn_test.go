package tlsconn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"reflect"
	"testing"
)

// connected returns the server of a finished handshake, its descriptor, and its client.
func connected(t testing.TB, version uint16, w way) (*Conn, *steppedEnd, *hostile) {
	t.Helper()
	c, e, h := shaken(t, version, w)
	if keeper := c.HandOver(newRecords()); version == tls.VersionTLS13 && w == handedOver && keeper != HandedOver {
		t.Fatalf("not handed over: %s", keeper)
	}
	return c, e, h
}

// shaken is connected before anybody has decided who keeps the records.
func shaken(t testing.TB, version uint16, w way) (*Conn, *steppedEnd, *hostile) {
	t.Helper()
	l := newLink()
	e := &steppedEnd{l: l}
	c := w.newConn(e, serverConfig(version))
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

// forAllWays runs a test with both versions of TLS and both ways to keep the records of TLS 1.3.
func forAllWays(t *testing.T, test func(t *testing.T, version uint16, w way)) {
	t.Helper()
	forBothVersions(t, func(t *testing.T, version uint16) { test(t, version, byCrypto) })
	t.Run("TLS 1.3 handed over", func(t *testing.T) {
		t.Parallel()
		test(t, tls.VersionTLS13, handedOver)
	})
}

// forBothWays runs a test with both ways to keep the records of TLS 1.3.
func forBothWays(t *testing.T, test func(t *testing.T, w way)) {
	t.Helper()
	t.Parallel()
	for _, w := range []way{byCrypto, handedOver} {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			test(t, w)
		})
	}
}

// readAll reads until ReadPlain returns an error.
func readAll(c secured) ([]byte, error) {
	var got []byte
	buf := make([]byte, 512)
	for {
		n, err := c.ReadPlain(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			return got, err
		}
	}
}

func TestConnTellsWhatWasAgreed(t *testing.T) {
	forAllWays(t, func(t *testing.T, version uint16, w way) {
		c, _, h := shaken(t, version, w)
		state := h.tls.ConnectionState()
		if c.Version() != version || c.CipherSuite() != state.CipherSuite || c.ServerName() != "localhost" {
			t.Errorf("got version %x, suite %x, name %q; the client has %x, %x", c.Version(), c.CipherSuite(), c.ServerName(), state.Version, state.CipherSuite)
		}
	})
}

func TestPostQuantumKeyExchangeByDefault(t *testing.T) {
	t.Parallel()
	agreed := make(chan tls.CurveID, 1)
	config := clientConfig(tls.VersionTLS13)
	config.CurvePreferences = nil
	config.VerifyConnection = func(s tls.ConnectionState) error {
		agreed <- s.CurveID
		return nil
	}
	sc := scenario{config: serverConfig(tls.VersionTLS13), client: visitor(config, nil)}
	if o := sc.stepped(t, script{}); o.client != nil || o.handshake != nil {
		t.Fatalf("client %v, handshake %v", o.client, o.handshake)
	}
	if got := receive(t, agreed); got != tls.X25519MLKEM768 {
		t.Errorf("agreed on %v, want X25519MLKEM768", got)
	}
}

func TestServerLeavesTheConfigurationAlone(t *testing.T) {
	t.Parallel()
	config := serverConfig(tls.VersionTLS13)
	config.SessionTicketsDisabled = true // crypto/tls itself marks SessionTicketKey when it makes keys of its own
	before := config.Clone()
	sc := scenario{config: config, client: visitor(clientConfig(tls.VersionTLS13), nil)}
	if o := sc.stepped(t, script{}); o.client != nil {
		t.Fatal(o.client)
	}
	got, want := reflect.ValueOf(config).Elem(), reflect.ValueOf(before).Elem()
	for i := range got.NumField() {
		if f := got.Type().Field(i); f.IsExported() && !reflect.DeepEqual(got.Field(i).Interface(), want.Field(i).Interface()) {
			t.Errorf("%s was changed", f.Name)
		}
	}
}

func TestSealOfFullSizeIsOneRecord(t *testing.T) {
	forAllWays(t, func(t *testing.T, version uint16, w way) {
		c, e, h := connected(t, version, w)
		before := len(e.l.said())
		payload := noise(MaxSeal)
		if err := c.Seal(payload); err != nil {
			t.Fatal(err)
		}
		record := e.l.said()[before:]
		if n := int(record[3])<<8 | int(record[4]); len(record) != 5+n {
			t.Errorf("sealed into %d bytes, the first record has %d", len(record), 5+n)
		}
		if err := c.CloseNotify(); err != nil {
			t.Fatal(err)
		}
		if got, err := h.hear(); err != nil || !bytes.Equal(got, payload) {
			t.Errorf("client got %d bytes, error %v", len(got), err)
		}
	})
}

func TestReadPlainIntoAnyBuffer(t *testing.T) {
	forAllWays(t, func(t *testing.T, version uint16, w way) {
		for _, size := range []int{1, 2, 511, 513, MaxSeal, 2 * MaxSeal} {
			c, e, h := connected(t, version, w)
			e.reads = cycle(100, 0, 700, 3, 0, 0)
			want := noise(40000)
			for rest := want; len(rest) > 0; {
				n := min(len(rest), 1+len(rest)/2)
				for ; n > 0; n -= min(n, MaxSeal) {
					k := min(n, MaxSeal)
					h.send(typeData, rest[:k])
					rest = rest[k:]
				}
			}
			var got []byte
			for buf := make([]byte, size); len(got) < len(want); {
				n, err := c.ReadPlain(buf)
				if err != nil && !errors.Is(err, errBlocked) || n > 0 && err != nil {
					t.Fatalf("buffer of %d: %d bytes and error %v", size, n, err)
				}
				got = append(got, buf[:n]...)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("buffer of %d: the plaintext differs", size)
			}
		}
	})
}

func TestCloseNotifyWaitsBehindPendingOutput(t *testing.T) {
	forAllWays(t, func(t *testing.T, version uint16, w way) {
		c, e, h := connected(t, version, w)
		e.stuck.Store(true)
		if err := errors.Join(c.Seal([]byte("last words")), c.CloseNotify()); err != nil {
			t.Fatal(err)
		}
		if want, err := c.Flush(); !want || err != nil || c.Pending() == 0 {
			t.Fatalf("while stuck: want more %v, error %v, pending %d", want, err, c.Pending())
		}
		if err := c.Seal([]byte("too late")); err == nil {
			t.Error("Seal after CloseNotify succeeded")
		}
		e.stuck.Store(false)
		if want, err := c.Flush(); want || err != nil || c.Pending() != 0 {
			t.Fatalf("after: want more %v, error %v, pending %d", want, err, c.Pending())
		}
		if got, err := h.hear(); err != nil || string(got) != "last words" {
			t.Errorf("client got %q, error %v, want the words and a proper end", got, err)
		}
	})
}

func TestReadingGoesOnAfterCloseNotify(t *testing.T) {
	forAllWays(t, func(t *testing.T, version uint16, w way) {
		c, _, h := connected(t, version, w)
		if err := c.CloseNotify(); err != nil {
			t.Fatal(err)
		}
		h.send(typeData, []byte("still here"))
		if got, err := readAll(c); string(got) != "still here" || !errors.Is(err, errBlocked) {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestWritingGoesOnAfterThePeersEnd(t *testing.T) {
	ends := map[string]func(h *hostile){
		"close_notify":         func(h *hostile) { h.send(typeAlert, []byte{1, 0}) },
		"end of stream":        func(h *hostile) { h.raw.CloseWrite() },
		"end inside a record":  func(h *hostile) { h.sendRaw([]byte{23, 3}); h.raw.CloseWrite() },
		"close_notify and end": func(h *hostile) { h.send(typeAlert, []byte{1, 0}); h.raw.CloseWrite() },
	}
	forAllWays(t, func(t *testing.T, version uint16, w way) {
		for name, end := range ends {
			c, _, h := connected(t, version, w)
			end(h)
			want := io.EOF
			if name == "end inside a record" {
				want = io.ErrUnexpectedEOF
			}
			for range 2 {
				if _, err := c.ReadPlain(make([]byte, 10)); !errors.Is(err, want) {
					t.Fatalf("%s: got %v, want %v", name, err, want)
				}
			}
			if err := errors.Join(c.Seal([]byte("answer")), c.CloseNotify()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got, err := h.hear(); err != nil || string(got) != "answer" {
				t.Errorf("%s: client got %q, error %v", name, got, err)
			}
		}
	})
}

func TestReadingGoesOnAfterAFailedWrite(t *testing.T) {
	forAllWays(t, func(t *testing.T, version uint16, w way) {
		c, e, h := connected(t, version, w)
		h.send(typeData, []byte("sent before"))
		e.writeErr = io.ErrClosedPipe
		for range 2 {
			if err := c.Seal([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("Seal: got %v, want the descriptor's error", err)
			}
			if _, err := c.Flush(); !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("Flush: got %v, want the descriptor's error", err)
			}
		}
		if got, err := readAll(c); string(got) != "sent before" || !errors.Is(err, errBlocked) {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// crypto/tls would read on after some errors that it does not remember.
func TestFirstLastingReadErrorStays(t *testing.T) {
	t.Parallel()
	c, _, h := connected(t, tls.VersionTLS12, byCrypto)
	h.send(typeHandshake, message(0, 0)) // HelloRequest
	h.send(typeData, []byte("and on"))
	_, first := readAll(c)
	if first == nil || errors.Is(first, errBlocked) {
		t.Fatalf("renegotiation ended with %v", first)
	}
	if got, err := readAll(c); len(got) > 0 || err.Error() != first.Error() {
		t.Errorf("afterwards: got %q, %v, want the first error", got, err)
	}
}

func TestAlertAboutABadRecordReachesThePeer(t *testing.T) {
	forAllWays(t, func(t *testing.T, version uint16, w way) {
		c, e, h := connected(t, version, w)
		e.stuck.Store(true)
		h.send(99, nil)
		if _, err := readAll(c); errors.Is(err, errBlocked) {
			t.Fatal("a record of unknown type was accepted")
		}
		if c.Pending() == 0 {
			t.Fatal("no alert is pending")
		}
		e.stuck.Store(false)
		if want, err := c.Flush(); want || err != nil {
			t.Fatalf("flush: %v, %v", want, err)
		}
		if _, err := h.hear(); err == nil || err.Error() != "remote error: tls: unexpected message" {
			t.Errorf("client got %v, want the alert", err)
		}
	})
}

func TestKeyUpdateAnswersAreUsedAtOnce(t *testing.T) {
	forBothWays(t, func(t *testing.T, w way) {
		c, e, h := connected(t, tls.VersionTLS13, w)
		e.stuck.Store(true)
		if err := c.Seal([]byte("old keys, ")); err != nil {
			t.Fatal(err)
		}
		h.updateKeys(keyUpdateRequested)
		if _, err := readAll(c); !errors.Is(err, errBlocked) {
			t.Fatal(err)
		}
		e.stuck.Store(false)
		if want, err := c.Flush(); want || err != nil {
			t.Fatalf("flush: %v, %v", want, err)
		}
		if err := errors.Join(c.Seal([]byte("new keys")), c.CloseNotify()); err != nil {
			t.Fatal(err)
		}
		if got, err := h.hear(); err != nil || string(got) != "old keys, new keys" {
			t.Errorf("client got %q, error %v", got, err)
		}
	})
}

// A peer that asks for key updates and reads nothing makes output that nobody asked for.
func TestKeyUpdateFloodWithStuckOutputEnds(t *testing.T) {
	forBothWays(t, func(t *testing.T, w way) {
		c, e, h := connected(t, tls.VersionTLS13, w)
		e.stuck.Store(true)
		for range 10 * maxBacklog / 26 {
			h.updateKeys(keyUpdateRequested)
			h.send(typeData, []byte("x"))
			got, err := readAll(c)
			if len(got) > 1 || c.Pending() > maxBacklog {
				t.Fatalf("%d bytes of plaintext, %d bytes pending", len(got), c.Pending())
			}
			if errors.Is(err, errBlocked) {
				continue
			}
			if !errors.Is(err, ErrBacklog) {
				t.Fatalf("flood ended with %v, want ErrBacklog", err)
			}
			if _, err := c.Flush(); !errors.Is(err, ErrBacklog) || c.Pending() != 0 {
				t.Errorf("flush: %v with %d bytes pending, want ErrBacklog and nothing held", err, c.Pending())
			}
			if err := c.Seal([]byte("x")); !errors.Is(err, ErrBacklog) {
				t.Errorf("seal: %v, want ErrBacklog", err)
			}
			return
		}
		t.Error("the flood never ended")
	})
}

func TestSealBehindPendingOutputKeepsOrderAndBound(t *testing.T) {
	forAllWays(t, func(t *testing.T, version uint16, w way) {
		c, e, h := connected(t, version, w)
		e.stuck.Store(true)
		if err := errors.Join(c.Seal([]byte("one ")), c.Seal([]byte("two"))); err != nil {
			t.Fatal(err)
		}
		e.stuck.Store(false)
		if _, err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		e.stuck.Store(true)
		var err error
		for range 1 + maxBacklog/MaxSeal {
			if err = c.Seal(make([]byte, MaxSeal)); err != nil {
				break
			}
		}
		if !errors.Is(err, ErrBacklog) {
			t.Errorf("sealing on and on: got %v, want ErrBacklog", err)
		}
		h.raw.l.finish(&h.raw.l.down, io.EOF)
		if got, err := h.hear(); err != nil || string(got) != "one two" {
			t.Errorf("client got %q, error %v", got, err)
		}
	})
}

func TestIdleConnectionHoldsNoOutputBuffer(t *testing.T) {
	forBothWays(t, func(t *testing.T, w way) {
		c, e, _ := connected(t, tls.VersionTLS13, w)
		e.stuck.Store(true)
		if err := c.Seal(make([]byte, MaxSeal)); err != nil || c.Pending() <= MaxSeal {
			t.Fatalf("seal: %v, pending %d", err, c.Pending())
		}
		e.stuck.Store(false)
		if want, err := c.Flush(); want || err != nil {
			t.Fatal(want, err)
		}
		if k := c.crypto.Load(); k != nil && k.wire.out.rest != nil || c.busy != nil {
			t.Error("the buffer is still held after the last byte")
		}
	})
}

func TestPrematureUsePanics(t *testing.T) {
	t.Parallel()
	c := newConn(sink{}, serverConfig(tls.VersionTLS13))
	for name, use := range map[string]func(){
		"ReadPlain":   func() { _, _ = c.ReadPlain(make([]byte, 1)) },
		"Seal":        func() { _ = c.Seal([]byte("x")) },
		"Flush":       func() { _, _ = c.Flush() },
		"Pending":     func() { c.Pending() },
		"CloseNotify": func() { _ = c.CloseNotify() },
		"Version":     func() { c.Version() },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s before the handshake did not panic", name)
				}
			}()
			use()
		}()
	}
}
