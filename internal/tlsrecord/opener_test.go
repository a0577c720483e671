package tlsrecord

import (
	"bytes"
	"crypto/cipher"
	"slices"
	"testing"
)

// What an opener has made of its secret seals from the number on that it has come to, and the client
// can read it: a key that changes afterwards follows from the same secret.
func TestAnOpenersKeySealsWhereItsRecordsEnd(t *testing.T) {
	t.Parallel()
	for _, s := range []Suite{AES128GCM, AES256GCM, ChaCha20Poly1305} {
		secret := counting(7, s.SecretLen())
		before := newRing(Options{})
		sealer := add(t, before, s, counting(1, s.SecretLen()), secret, 0)
		server, client := NewOpener(s, secret), NewOpener(s, secret)
		for range 3 {
			record := before.Seal(sealer, Handshake, []byte("ticket"))
			for _, o := range []*Opener{server, client} {
				if typ, ok := o.Opens(record); !ok || typ != Handshake {
					t.Fatalf("suite %d: a ticket does not open", s)
				}
			}
		}
		made := 0
		r := newRing(Options{HotBytes: 10 * hotBytes})
		r.aeadOf = func(s Suite, key []byte) cipher.AEAD { made++; return s.aead(key) }
		name, err := r.Add(counting(1, s.SecretLen()), server)
		if err != nil {
			t.Fatal(err)
		}
		server.Clear()
		for i := range 3 {
			if typ, ok := client.Opens(r.Seal(name, ApplicationData, []byte("data"))); !ok || typ != ApplicationData {
				t.Errorf("suite %d: record %d behind the handshake does not open", s, i)
			}
		}
		if made != 0 {
			t.Errorf("suite %d: the key was expanded %d times more", s, made)
		}
		if typ, ok := client.Opens(r.Update(name)); !ok || typ != Handshake {
			t.Errorf("suite %d: the KeyUpdate does not open", s)
		}
		s.nextSecret(secret)
		if typ, ok := NewOpener(s, secret).Opens(r.Seal(name, ApplicationData, []byte("data"))); !ok || typ != ApplicationData {
			t.Errorf("suite %d: the next key is another", s)
		}
	}
}

func TestOpensLeavesRecordsAlone(t *testing.T) {
	t.Parallel()
	r := newRing(Options{})
	name := add(t, r, AES128GCM, counting(1, 32), counting(2, 32), 0)
	record := bytes.Clone(r.Seal(name, Handshake, []byte("finished")))
	forged := bytes.Clone(record)
	forged[len(forged)-1] ^= 1
	o := NewOpener(AES128GCM, counting(2, 32))
	for _, p := range [][]byte{forged, record[:HeaderLen], record[:HeaderLen+3]} {
		before := bytes.Clone(p)
		if _, ok := o.Opens(p); ok || !bytes.Equal(p, before) || o.Opened() != 0 {
			t.Errorf("%d bytes: opened %v, changed %v, counted %d", len(p), ok, !bytes.Equal(p, before), o.Opened())
		}
	}
	before := bytes.Clone(record)
	if _, ok := o.Opens(record); !ok || !bytes.Equal(record, before) || o.Opened() != 1 {
		t.Errorf("opened %v, changed %v, counted %d", ok, !bytes.Equal(record, before), o.Opened())
	}
}

func TestAClearedOpenerHasNothingLeft(t *testing.T) {
	t.Parallel()
	r := newRing(Options{})
	name := add(t, r, AES128GCM, counting(1, 32), counting(2, 32), 0)
	o := NewOpener(AES128GCM, counting(2, 32))
	o.Opens(r.Seal(name, Handshake, []byte("a ticket")))
	room := o.room[:cap(o.room)]
	if !bytes.Contains(room, []byte("a ticket")) {
		t.Fatal("the record was opened elsewhere")
	}
	o.Clear()
	if slices.ContainsFunc(room, func(b byte) bool { return b != 0 }) || o.aead != nil || o.secret != [maxSecret]byte{} || o.key != [maxKey]byte{} || o.iv != [ivLen]byte{} {
		t.Error("something is left")
	}
}

func TestSecretsOfAWrongLengthPanic(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(){
		"server's": func() { NewOpener(AES256GCM, counting(1, 32)) },
		"client's": func() { _, _ = newRing(Options{}).Add(counting(1, 48), NewOpener(AES128GCM, counting(1, 32))) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("the %s is taken", name)
				}
			}()
			use()
		}()
	}
}
