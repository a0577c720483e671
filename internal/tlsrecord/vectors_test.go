package tlsrecord

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	p, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// heap is memory for keys in tests.
func heap(bytes int) ([]byte, error) { return make([]byte, bytes), nil }

func newRing(o Options) *Keyring {
	if o.Memory == nil {
		o.Memory = heap
	}
	return New(o)
}

// add adds keys with which so many records were sealed before.
func add(t testing.TB, r *Keyring, s Suite, client, server []byte, sent uint64) Keys {
	t.Helper()
	name, err := r.Add(client, opened(r, s, server, sent))
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// opened returns an opener that has opened so many records, and whose AEAD is of the keyring's making.
func opened(r *Keyring, s Suite, secret []byte, records uint64) *Opener {
	o := NewOpener(s, secret)
	o.aead, o.number = r.aeadOf(s, o.key[:s.keyLen()]), records
	return o
}

// counting returns n bytes: first, first+1, ...
func counting(first, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(first + i)
	}
	return p
}

// The simple handshake of RFC 8448 section 3: both sides send 50 bytes and close_notify.
func TestRFC8448(t *testing.T) {
	t.Parallel()
	client := unhex(t, "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5")
	server := unhex(t, "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643")
	clientData := unhex(t, "17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea 42 f9 14 aa 66 bc ab 3f 2b 98 19 a8 a5 b4 6b 39 5b d5 4a 9a 20 44 1e 2b 62 97 4e 1f 5a 62 92 a2 97 70 14 bd 1e 3d ea e6 3a ee bb 21 69 49 15 e4")
	serverData := unhex(t, "17 03 03 00 43 2e 93 7e 11 ef 4a c7 40 e5 38 ad 36 00 5f c4 a4 69 32 fc 32 25 d0 5f 82 aa 1b 36 e3 0e fa f9 7d 90 e6 df fc 60 2d cb 50 1a 59 a8 fc c4 9c 4b f2 e5 f0 a2 1c 00 47 c2 ab f3 32 54 0d d0 32 e1 67 c2 95 5d")
	clientClose := unhex(t, "17 03 03 00 13 c9 87 27 60 65 56 66 b7 4d 7f f1 15 3e fd 6d b6 d0 b0 e3")
	serverClose := unhex(t, "17 03 03 00 13 b5 8f d6 71 66 eb f5 99 d2 47 20 cf be 7e fa 7a 88 64 a9")
	payload := counting(0, 50)

	r := newRing(Options{HotBytes: 1 << 20})
	name := add(t, r, AES128GCM, client, server, 1) // a ticket went before
	if got, p, err := r.Receive(name, bytes.Clone(clientData)); got != Data || !bytes.Equal(p, payload) || err != nil {
		t.Errorf("the client's data: %d, %x, %v", got, p, err)
	}
	if got := r.Seal(name, ApplicationData, payload); !bytes.Equal(got, serverData) {
		t.Errorf("our data: %x", got)
	}
	if got, _, err := r.Receive(name, bytes.Clone(clientClose)); got != PeerClosed || err != nil {
		t.Errorf("the client's close_notify: %d, %v", got, err)
	}
	if got := r.Alert(name, CloseNotify); !bytes.Equal(got, serverClose) {
		t.Errorf("our close_notify: %x", got)
	}

	// The same from the other side: what we seal with the client's secret is what the client sent.
	name = add(t, r, AES128GCM, server, client, 0)
	if got := r.Seal(name, ApplicationData, payload); !bytes.Equal(got, clientData) {
		t.Errorf("the client's data, sealed: %x", got)
	}
	if got := r.Alert(name, CloseNotify); !bytes.Equal(got, clientClose) {
		t.Errorf("the client's close_notify, sealed: %x", got)
	}
}

// Records of all suites before, at and after a KeyUpdate, as OpenSSL makes them (through Node's
// crypto), from secrets of the bytes 1, 2, 3 and so on.
func TestSuitesAgainstOpenSSL(t *testing.T) {
	t.Parallel()
	data := []byte("id: k3f9-1\ndata: hello\n\n")
	for _, tt := range []struct {
		suite               Suite
		first, update, next string
	}{
		{
			AES128GCM,
			"170303002913a1c47e15553d69a62895bb6e0dc886ee61419e8e37de8a4df12aba075e7c1cea45ed9ea082d9d2f8",
			"170303001640cc114bd8e2684dcaec8f9d3f9187d2e1189126a788",
			"1703030029e54bcf96a162e88f9a527db8a445464d941dddc7701bae6f40fadf2b07d90f4986922bc7f62b0885ae",
		},
		{
			AES256GCM,
			"1703030029996b591eead4a30bfb90a57e377d7c1aae27caf350c0b0c85f12d846fd34d2bafcbff774007f7b2754",
			"1703030016c7c017d9ebc0ae11128c6c4dd48aeaf8539103091c31",
			"17030300299dfae8b50e2e3d20955f4d4c7cd79e4a01113e20715f40373468694d8bdca7bec8d3db91195eec92cc",
		},
		{
			ChaCha20Poly1305,
			"1703030029796298836bda0acbe70ff39a2b6ce1a666f76339be593953ed56cdd6767d7a576df0ef7f7c625d44fc",
			"1703030016f1dbb0e0f068d817ac140d74b4ff7ac9a03e793cfcd8",
			"1703030029e54e50d3bc666fd246c3ce2fbd0becbd86ae90dd7daf02daafb168325b8b3897986a38cce6c36e0713",
		},
	} {
		secret, other := counting(1, tt.suite.SecretLen()), counting(100, tt.suite.SecretLen())
		r := newRing(Options{HotBytes: 1 << 20})
		server, client := add(t, r, tt.suite, other, secret, 0), add(t, r, tt.suite, secret, other, 0)

		for _, want := range []struct{ got, want []byte }{
			{bytes.Clone(r.Seal(server, ApplicationData, data)), unhex(t, tt.first)},
			{bytes.Clone(r.Update(server)), unhex(t, tt.update)},
			{bytes.Clone(r.Seal(server, ApplicationData, data)), unhex(t, tt.next)},
		} {
			if !bytes.Equal(want.got, want.want) {
				t.Errorf("suite %d: sealed %x, want %x", tt.suite, want.got, want.want)
			}
		}
		for i, record := range []string{tt.first, tt.update, tt.next} {
			got, p, err := r.Receive(client, unhex(t, record))
			if i == 1 && (got != Ignored || err != nil) || i != 1 && (got != Data || !bytes.Equal(p, data) || err != nil) {
				t.Errorf("suite %d, record %d: %d, %q, %v", tt.suite, i, got, p, err)
			}
		}
	}
}

func TestSuiteOf(t *testing.T) {
	t.Parallel()
	for number, want := range map[uint16]Suite{0x1301: AES128GCM, 0x1302: AES256GCM, 0x1303: ChaCha20Poly1305} {
		if got, ok := SuiteOf(number); got != want || !ok {
			t.Errorf("%#x: %d, %v", number, got, ok)
		}
	}
	for _, number := range []uint16{0, 0x1304, 0x1305, 0xc02b} {
		if got, ok := SuiteOf(number); ok {
			t.Errorf("%#x: %d", number, got)
		}
	}
}
