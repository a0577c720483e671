package tlsrecord

import (
	"bytes"
	"errors"
	"testing"
)

// pair is a server and a client that seals what it likes.
type pair struct {
	t              testing.TB
	ring           *Keyring
	server, client Keys
}

func newPair(t testing.TB, s Suite) *pair {
	t.Helper()
	r := newRing(Options{HotBytes: 1 << 20})
	up, down := counting(1, s.SecretLen()), counting(77, s.SecretLen())
	return &pair{t: t, ring: r, server: add(t, r, s, up, down, 0), client: add(t, r, s, down, up, 0)}
}

// send lets the server receive a record of the client's.
func (p *pair) send(typ ContentType, data []byte) (Received, []byte, error) {
	return p.ring.Receive(p.server, bytes.Clone(p.ring.Seal(p.client, typ, data)))
}

// roll changes the client's keys without a message.
func (p *pair) roll() {
	k := p.ring.inUse(p.client)
	k.suite.nextSecret(k.writeSecret[:k.suite.SecretLen()])
	p.ring.useSecret(k, nil)
}

func TestReceive(t *testing.T) {
	t.Parallel()
	update := []byte{24, 0, 0, 1, 0}
	for _, tt := range []struct {
		name string
		typ  ContentType
		data []byte
		got  Received
		err  error
	}{
		{"data", ApplicationData, []byte("x"), Data, nil},
		{"nothing", ApplicationData, nil, Ignored, nil},
		{"close_notify", AlertRecord, []byte{1, 0}, PeerClosed, nil},
		{"close_notify that calls itself fatal", AlertRecord, []byte{2, 0}, PeerClosed, nil},
		{"user_canceled", AlertRecord, []byte{1, 90}, Ignored, nil},
		{"an alert", AlertRecord, []byte{2, 40}, PeerAlert, nil},
		{"an alert that calls itself a warning", AlertRecord, []byte{1, 100}, PeerAlert, nil},
		{"an alert of one byte", AlertRecord, []byte{2}, 0, UnexpectedMessage},
		{"two alerts", AlertRecord, []byte{1, 90, 1, 0}, 0, UnexpectedMessage},
		{"no alert", AlertRecord, nil, 0, UnexpectedMessage},
		{"KeyUpdate", Handshake, update, Ignored, nil},
		{"KeyUpdate that asks for one", Handshake, []byte{24, 0, 0, 1, 1}, UpdateWanted, nil},
		{"KeyUpdate of another kind", Handshake, []byte{24, 0, 0, 1, 2}, 0, IllegalParameter},
		{"KeyUpdate of two bytes", Handshake, []byte{24, 0, 0, 2, 0, 0}, 0, DecodeError},
		{"a long KeyUpdate", Handshake, []byte{24, 1, 0, 1}, 0, DecodeError},
		{"two KeyUpdates", Handshake, append(bytes.Clone(update), update...), 0, UnexpectedMessage},
		{"no message", Handshake, nil, 0, UnexpectedMessage},
		{"Finished", Handshake, []byte{20, 0, 0, 0}, 0, UnexpectedMessage},
		{"a ticket", Handshake, []byte{4, 0, 0, 0}, 0, UnexpectedMessage},
		{"ClientHello", Handshake, []byte{1, 0, 0, 0}, 0, UnexpectedMessage},
		{"ChangeCipherSpec, protected", ChangeCipherSpec, []byte{1}, 0, UnexpectedMessage},
		{"an unknown type", 99, []byte{1}, 0, UnexpectedMessage},
	} {
		for s := AES128GCM; s <= ChaCha20Poly1305; s++ {
			p := newPair(t, s)
			got, data, err := p.send(tt.typ, tt.data)
			if got != tt.got || !errors.Is(err, tt.err) || err != nil && tt.err == nil {
				t.Errorf("%s: got %d, %v, want %d, %v", tt.name, got, err, tt.got, tt.err)
			}
			switch {
			case got == Data && err == nil && !bytes.Equal(data, tt.data):
				t.Errorf("%s: plaintext %q", tt.name, data)
			case got == PeerAlert && (len(data) != 1 || data[0] != tt.data[1]):
				t.Errorf("%s: alert %v", tt.name, data)
			}
		}
	}
}

func TestKeyUpdateInPieces(t *testing.T) {
	t.Parallel()
	p := newPair(t, AES128GCM)
	for range 100 { // more than 16, all with data between
		for i, b := range []byte{24, 0, 0, 1, 1} {
			got, _, err := p.send(Handshake, []byte{b})
			if want := map[bool]Received{true: UpdateWanted}[i == 4]; err != nil || i == 4 && got != want || i < 4 && got != Ignored {
				t.Fatalf("byte %d: %d, %v", i, got, err)
			}
		}
		p.roll()
		if got, data, err := p.send(ApplicationData, []byte("new keys")); got != Data || string(data) != "new keys" || err != nil {
			t.Fatalf("afterwards: %d, %q, %v", got, data, err)
		}
	}
	if _, _, err := p.send(Handshake, []byte{24, 0}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.send(ApplicationData, []byte("inside")); !errors.Is(err, UnexpectedMessage) {
		t.Errorf("data inside a message: %v", err)
	}
}

func TestUselessRecordsAreBounded(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]func(p *pair) error{
		"empty":         func(p *pair) error { _, _, err := p.send(ApplicationData, nil); return err },
		"user_canceled": func(p *pair) error { _, _, err := p.send(AlertRecord, []byte{1, 90}); return err },
		"KeyUpdate": func(p *pair) error {
			_, _, err := p.send(Handshake, []byte{24, 0, 0, 1, 1})
			p.roll()
			return err
		},
	} {
		p := newPair(t, AES128GCM)
		for round := range 3 {
			for i := range maxUseless {
				if err := one(p); err != nil {
					t.Fatalf("%s: round %d, record %d: %v", name, round, i, err)
				}
			}
			if _, _, err := p.send(ApplicationData, []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		for range maxUseless {
			if err := one(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := one(p); !errors.Is(err, UnexpectedMessage) || !errors.Is(err, ErrUseless) {
			t.Errorf("%s: one too many: %v", name, err)
		}
	}
}

func TestFalseRecords(t *testing.T) {
	t.Parallel()
	seal := func(p *pair) []byte { return bytes.Clone(p.ring.Seal(p.client, ApplicationData, []byte("data"))) }
	for name, record := range map[string]func(p *pair) []byte{
		"changed": func(p *pair) []byte { r := seal(p); r[9] ^= 1; return r },
		"its tag": func(p *pair) []byte { r := seal(p); r[len(r)-1] ^= 0x80; return r },
		"lost":    func(p *pair) []byte { seal(p); return seal(p) },
		"our own": func(p *pair) []byte { return bytes.Clone(p.ring.Seal(p.server, ApplicationData, []byte("data"))) },
		"empty":   func(*pair) []byte { return []byte{23, 3, 3, 0, 0} },
		"short":   func(*pair) []byte { return append([]byte{23, 3, 3, 0, 16}, make([]byte, 16)...) },
		"cut":     func(p *pair) []byte { r := seal(p)[:20]; r[4] = 15; return r },
		"of another length": func(p *pair) []byte {
			r := append(seal(p), 0)
			r[4]++
			return r
		},
	} {
		for s := AES128GCM; s <= ChaCha20Poly1305; s++ {
			p := newPair(t, s)
			if got, data, err := p.ring.Receive(p.server, record(p)); !errors.Is(err, BadRecordMAC) || data != nil {
				t.Errorf("%s: %d, %q, %v", name, got, data, err)
			}
		}
	}
	p := newPair(t, AES128GCM)
	r := seal(p)
	if _, _, err := p.ring.Receive(p.server, bytes.Clone(r)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.ring.Receive(p.server, r); !errors.Is(err, BadRecordMAC) {
		t.Errorf("a record twice: %v", err)
	}
}

// Nothing is opened after one failure: an attacker has one try for each connection.
func TestOneFailureIsTheEnd(t *testing.T) {
	t.Parallel()
	p := newPair(t, AES128GCM)
	if _, _, err := p.ring.Receive(p.server, append([]byte{23, 3, 3, 0, 30}, make([]byte, 30)...)); err == nil {
		t.Fatal("zeros were opened")
	}
	defer func() {
		if recover() == nil {
			t.Error("a second try was made")
		}
	}()
	_, _, _ = p.send(ApplicationData, []byte("x"))
}

func TestPadding(t *testing.T) {
	t.Parallel()
	p := newPair(t, AES128GCM)
	k := p.ring.inUse(p.client)
	padded := func(data []byte, typ byte, padding int) []byte {
		number := k.sent
		k.sent++
		p.ring.setNonce(&k.writeIV, number)
		inner := append(append(bytes.Clone(data), typ), make([]byte, padding)...)
		header := appendHeader(nil, len(inner)+tagLen)
		return p.ring.sealer(k).Seal(header, p.ring.nonce[:], inner, header[:HeaderLen])
	}
	for _, n := range []int{0, 1, 255, MaxPlaintext - 4} {
		if got, data, err := p.ring.Receive(p.server, padded([]byte("data"), 23, n)); got != Data || string(data) != "data" || err != nil {
			t.Errorf("padding of %d: %d, %q, %v", n, got, data, err)
		}
	}
	if got, data, err := p.ring.Receive(p.server, padded(make([]byte, MaxPlaintext), 23, 0)); got != Data || len(data) != MaxPlaintext || err != nil {
		t.Errorf("the largest record: %d, %d bytes, %v", got, len(data), err)
	}
	for _, record := range [][]byte{padded(make([]byte, MaxPlaintext+1), 23, 0), padded([]byte("x"), 23, MaxPlaintext)} {
		k := p.ring.inUse(p.server)
		if _, _, err := p.ring.Receive(p.server, record); !errors.Is(err, RecordOverflow) {
			t.Errorf("%d bytes: %v", len(record), err)
		}
		k.isOver, k.received = false, k.received+1
	}
	if _, _, err := p.ring.Receive(p.server, padded(nil, 0, 100)); !errors.Is(err, UnexpectedMessage) {
		t.Errorf("padding alone: %v", err)
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		header []byte
		want   int
		err    error
	}{
		{[]byte{23, 3, 3, 0, 0}, 5, nil},
		{[]byte{23, 3, 3, 0x41, 0}, MaxRecord, nil},
		{[]byte{23, 3, 3, 0x41, 1}, 0, RecordOverflow},
		{[]byte{23, 3, 1, 0, 20}, 0, ProtocolVersion},
		{[]byte{23, 3, 4, 0, 20}, 0, ProtocolVersion},
		{[]byte{20, 3, 3, 0, 1}, 0, UnexpectedMessage},
		{[]byte{21, 3, 3, 0, 2}, 0, UnexpectedMessage},
		{[]byte{22, 3, 3, 0, 20}, 0, UnexpectedMessage},
		{[]byte("GET /"), 0, UnexpectedMessage},
	} {
		if got, err := Size(tt.header); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("% x: %d, %v, want %d, %v", tt.header, got, err, tt.want, tt.err)
		}
	}
}
