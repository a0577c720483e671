package tlsconn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"testing"
)

// record is something a hostile client sends after its handshake, and how that must end.
type record struct {
	name string
	send func(h *hostile)
	want string // part of the error that ends reading; "EOF" for an accepted stream
}

// stricter is how records end that crypto/tls ignores, and a connection that was handed over does
// not (RFC 8446 section 5: ChangeCipherSpec may come until Finished).
var stricter = map[string]string{"ChangeCipherSpec": "unexpected message"}

func repeat(n int, fn func(h *hostile)) func(h *hostile) {
	return func(h *hostile) {
		for range n {
			fn(h)
		}
	}
}

func message(typ byte, n int) []byte {
	return append([]byte{typ, byte(n >> 16), byte(n >> 8), byte(n)}, make([]byte, n)...)
}

var bothVersions = []record{
	{"nothing", func(*hostile) {}, "EOF"},
	{"one byte a record", func(h *hostile) {
		for _, b := range []byte("one byte a record") {
			h.send(typeData, []byte{b})
		}
	}, "EOF"},
	{"largest record", func(h *hostile) { h.send(typeData, make([]byte, 16384)) }, "EOF"},
	{"largest and smallest in turn", repeat(4, func(h *hostile) {
		h.send(typeData, make([]byte, 16384))
		h.send(typeData, []byte("x"))
	}), "EOF"},
	{"too large plaintext", func(h *hostile) { h.send(typeData, make([]byte, 16385)) }, "record overflow"},
	{"too large record", func(h *hostile) { h.sendRaw(append(recordHeader(typeData, 16384+2049), make([]byte, 64)...)) }, "oversized record"},
	{"few empty records", repeat(16, func(h *hostile) { h.send(typeData, nil) }), "EOF"},
	{"empty records between others", repeat(100, func(h *hostile) {
		h.send(typeData, nil)
		h.send(typeData, []byte("x"))
	}), "EOF"},
	{"flood of empty records", repeat(1000, func(h *hostile) { h.send(typeData, nil) }), "too many ignored records"},
	{"close_notify", func(h *hostile) { h.send(typeAlert, []byte{1, 0}) }, "EOF"},
	{"data after close_notify", func(h *hostile) {
		h.send(typeData, []byte("before"))
		h.send(typeAlert, []byte{1, 0})
		h.send(typeData, []byte("after"))
	}, "EOF"},
	{"fatal alert", func(h *hostile) { h.send(typeAlert, []byte{2, 40}) }, "handshake failure"},
	{"fatal alert behind data", func(h *hostile) {
		h.sendRaw(append(h.seal(typeData, []byte("data"), 0), h.seal(typeAlert, []byte{2, 80}, 0)...))
	}, "internal error"},
	{"alert of one byte", func(h *hostile) { h.send(typeAlert, []byte{1}) }, "unexpected message"},
	{"unknown record type", func(h *hostile) { h.send(99, []byte("?")) }, "unexpected message"},
	{"changed ciphertext", func(h *hostile) {
		p := h.seal(typeData, []byte("changed on the way"), 0)
		p[len(p)-1] ^= 1
		h.sendRaw(p)
	}, "bad record MAC"},
	{"record lost", func(h *hostile) {
		h.seal(typeData, []byte("lost"), 0)
		h.send(typeData, []byte("next"))
	}, "bad record MAC"},
	{"record twice", func(h *hostile) {
		p := h.seal(typeData, []byte("twice"), 0)
		h.sendRaw(p)
		h.sendRaw(p)
	}, "bad record MAC"},
	{"HTTP in the middle", func(h *hostile) { h.sendRaw([]byte("GET / HTTP/1.1\r\n\r\n")) }, "tls: "},
	{"record without protection", func(h *hostile) {
		h.sendRaw(append(recordHeader(typeData, 40), make([]byte, 40)...))
	}, "bad record MAC"},
	{"handshake message of type 99", func(h *hostile) { h.send(typeHandshake, message(99, 1)) }, "unexpected message"},
	{"handshake message too long", func(h *hostile) { h.send(typeHandshake, []byte{24, 1, 0, 1}) }, "exceeds maximum"},
	{"handshake record without message", func(h *hostile) { h.send(typeHandshake, nil) }, "unexpected message"},
	{"renegotiation", func(h *hostile) { h.send(typeHandshake, message(1, 64)) }, "tls: "},
}

var onlyTLS13 = []record{
	{"KeyUpdate", func(h *hostile) {
		h.send(typeData, []byte("old keys "))
		h.updateKeys(keyUpdate)
		h.send(typeData, []byte("new keys"))
	}, "EOF"},
	{"KeyUpdate that asks for one", func(h *hostile) {
		h.updateKeys(keyUpdateRequested)
		h.send(typeData, []byte("new keys"))
	}, "EOF"},
	{"KeyUpdate in fragments", func(h *hostile) {
		for _, b := range keyUpdateRequested {
			h.send(typeHandshake, []byte{b})
		}
		h.nextKeys()
		h.send(typeData, []byte("new keys"))
	}, "EOF"},
	{"KeyUpdate before each byte", repeat(500, func(h *hostile) {
		h.updateKeys(keyUpdateRequested)
		h.send(typeData, []byte("x"))
	}), "EOF"},
	{"flood of KeyUpdates", repeat(1000, func(h *hostile) { h.updateKeys(keyUpdate) }), "too many non-advancing records"},
	{"flood of KeyUpdates that ask for one", repeat(1000, func(h *hostile) { h.updateKeys(keyUpdateRequested) }), "too many non-advancing records"},
	{"two KeyUpdates in a record", func(h *hostile) {
		h.send(typeHandshake, append(bytes.Clone(keyUpdate), keyUpdate...))
	}, "handshake buffer not empty"},
	{"KeyUpdate with the old keys kept", func(h *hostile) {
		h.send(typeHandshake, keyUpdate)
		h.send(typeData, []byte("old keys"))
	}, "bad record MAC"},
	{"KeyUpdate of unknown kind", func(h *hostile) { h.send(typeHandshake, []byte{24, 0, 0, 1, 7}) }, "error decoding message"},
	{"data inside a handshake message", func(h *hostile) {
		h.send(typeHandshake, keyUpdate[:3])
		h.send(typeData, []byte("inside"))
	}, "unexpected message"},
	{"long handshake message in fragments", func(h *hostile) {
		p := message(24, 60000)
		for len(p) > 0 {
			n := min(len(p), 500)
			h.send(typeHandshake, p[:n])
			p = p[n:]
		}
	}, "error decoding message"},
	{"Finished again", func(h *hostile) { h.send(typeHandshake, message(20, 32)) }, "unexpected handshake message"},
	{"session ticket from the client", func(h *hostile) {
		h.send(typeHandshake, []byte{4, 0, 0, 14, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 1, 'x', 0, 0})
	}, "tls: "},
	{"padded records", func(h *hostile) {
		h.sendRaw(h.seal(typeData, []byte("padded"), 300))
		h.sendRaw(h.seal(typeData, nil, 16000))
		h.sendRaw(h.seal(typeData, []byte("!"), 0))
	}, "EOF"},
	{"padding alone", func(h *hostile) { h.sendRaw(h.seal(0, nil, 100)) }, "unexpected message"},
	{"user_canceled", func(h *hostile) {
		h.send(typeAlert, []byte{1, 90})
		h.send(typeData, []byte("goes on"))
	}, "EOF"},
	{"flood of user_canceled", repeat(100, func(h *hostile) { h.send(typeAlert, []byte{1, 90}) }), "too many ignored records"},
	{"ChangeCipherSpec", func(h *hostile) {
		h.sendRaw(append(recordHeader(typeChangeCipherSpec, 1), 1))
		h.send(typeData, []byte("goes on"))
	}, "EOF"},
	{"flood of ChangeCipherSpec", repeat(100, func(h *hostile) {
		h.sendRaw(append(recordHeader(typeChangeCipherSpec, 1), 1))
	}), "too many ignored records"},
}

var onlyTLS12 = []record{
	{"warning", func(h *hostile) {
		h.send(typeAlert, []byte{1, 90})
		h.send(typeData, []byte("goes on"))
	}, "EOF"},
	{"flood of warnings", repeat(100, func(h *hostile) { h.send(typeAlert, []byte{1, 90}) }), "too many ignored records"},
	{"HelloRequest", func(h *hostile) { h.send(typeHandshake, message(0, 0)) }, "no renegotiation"},
	{"ChangeCipherSpec", func(h *hostile) { h.send(typeChangeCipherSpec, []byte{1}) }, "unexpected message"},
	{"KeyUpdate", func(h *hostile) { h.send(typeHandshake, keyUpdate) }, "unexpected handshake message"},
	{"data inside a handshake message", func(h *hostile) {
		h.send(typeHandshake, []byte{0, 0})
		h.send(typeData, []byte("inside"))
		h.send(typeData, []byte("inside"))
	}, "internal error"},
}

func TestHostileRecords(t *testing.T) {
	t.Parallel()
	own := map[uint16][]record{tls.VersionTLS12: onlyTLS12, tls.VersionTLS13: onlyTLS13}
	for _, v := range versions {
		for _, r := range append(own[v], bothVersions...) {
			t.Run(tls.VersionName(v)+"/"+r.name, func(t *testing.T) {
				t.Parallel()
				sc := scenario{config: serverConfig(v), client: hostileClient(v, r.send), says: greeting}
				want := sc.blocking(t)
				if want.client != nil || !strings.Contains(text(want.read), r.want) {
					t.Fatalf("comparison: client %v, read error %v, want %q", want.client, want.read, r.want)
				}
				for how, s := range map[string]script{
					"all at once":      {},
					"byte by byte":     {reads: stutter(), writes: cycle(0, 1, 5)},
					"uneven":           {reads: cycle(1, 0, 4, 0, 0, 30, 600), writes: cycle(20, 0)},
					"cut in the third": {reads: splitAt(want.taken - 3)},
				} {
					for _, sc := range sc.ways() {
						sc.strict = stricter[r.name] != ""
						got := sc.stepped(t, s)
						if err := got.sameAs(want); err != nil {
							t.Errorf("%s, %s: %v", sc.way, how, err)
						}
						if got.keeper == HandedOver && stricter[r.name] != "" && !strings.Contains(text(got.read), stricter[r.name]) {
							t.Errorf("%s: read error %v, want %q", how, got.read, stricter[r.name])
						}
					}
				}
			})
		}
	}
}

// A short stream with one of each: split and closed at every byte.
func TestRecordsSplitAndClosedAtEveryByte(t *testing.T) {
	t.Parallel()
	acts := map[uint16]func(h *hostile){
		tls.VersionTLS12: func(h *hostile) {
			h.send(typeData, []byte("first"))
			h.send(typeData, nil)
			h.send(typeAlert, []byte{1, 90})
			h.send(typeData, []byte("second"))
			h.send(typeAlert, []byte{1, 0})
		},
		tls.VersionTLS13: func(h *hostile) {
			h.send(typeData, []byte("first"))
			h.updateKeys(keyUpdateRequested)
			h.send(typeData, nil)
			h.send(typeHandshake, keyUpdate[:2])
			h.updateKeys(keyUpdate[2:])
			h.sendRaw(h.seal(typeData, []byte("second"), 9))
			h.send(typeAlert, []byte{1, 0})
		},
	}
	for v, act := range acts {
		t.Run(tls.VersionName(v), func(t *testing.T) {
			t.Parallel()
			sc := scenario{config: serverConfig(v), client: hostileClient(v, act), says: greeting}
			whole := sc.blocking(t)
			if string(whole.plain) != "firstsecond" || !errors.Is(whole.read, io.EOF) {
				t.Fatalf("comparison: plaintext %q, read error %v", whole.plain, whole.read)
			}
			quiet := scenario{config: serverConfig(v), client: hostileClient(v, func(*hostile) {})}
			handshake := quiet.blocking(t).taken
			for k := handshake; k <= whole.taken; k++ {
				for _, sc := range sc.ways() {
					if err := sc.stepped(t, script{reads: splitAt(k)}).sameAs(whole); err != nil {
						t.Errorf("%s, split at byte %d of %d: %v", sc.way, k, whole.taken, err)
					}
					closed := sc
					closed.cut = k
					if err := closed.stepped(t, script{reads: cycle(0, 7)}).sameAs(closed.blocking(t)); err != nil {
						t.Errorf("%s, closed at byte %d of %d: %v", sc.way, k, whole.taken, err)
					}
				}
			}
		})
	}
}
