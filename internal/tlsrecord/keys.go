package tlsrecord

import (
	"crypto/cipher"
	"encoding/binary"
	"math/rand/v2"
)

// mostRecords is how many records may be sealed with one key. AES-GCM may seal 2^24.5 of full size
// (RFC 8446 section 5.5); for the other suite a smaller number is as good.
const mostRecords = 1 << 24

// Keyring holds the keys of the connections of one event loop. One goroutine uses it at a time.
type Keyring struct {
	slabs      slabs
	cache      cache
	opener     opener
	names      uint64 // the last name that was given
	rekeyAfter uint64
	aeadOf     func(Suite, []byte) cipher.AEAD // Suite.aead, but for tests

	nonce  [ivLen]byte
	sealed []byte // what Seal has returned
}

// opener is the AEAD that opened the last record, because the next one is often of the same
// connection. It is not worth a place in the cache: most clients send a request and nothing more.
type opener struct {
	of   Keys // 0: none
	aead cipher.AEAD
	iv   [ivLen]byte
}

// Options are what a Keyring is made with.
type Options struct {
	Memory     Memory
	HotBytes   int    // what the AEADs may take that are kept ready to seal
	Seed       uint64 // of the choice of AEADs that make room
	RekeyAfter uint64 // records sealed with one key; 0: as many as are safe
}

// New returns a keyring without keys.
func New(o Options) *Keyring {
	r := &Keyring{
		slabs:      slabs{memory: o.Memory},
		cache:      cache{rand: rand.New(rand.NewPCG(o.Seed, 0))},
		rekeyAfter: rekeyAfter,
		aeadOf:     Suite.aead,
		sealed:     make([]byte, 0, 2*HeaderLen+updateLen+overhead+MaxPlaintext+overhead),
	}
	if o.RekeyAfter > 0 {
		r.rekeyAfter = min(o.RekeyAfter, mostRecords)
	}
	r.SetHotBytes(o.HotBytes)
	return r
}

// SetHotBytes sets what AEADs that are kept ready may take. With less than before, all are
// forgotten at once.
func (r *Keyring) SetHotBytes(bytes int) { r.cache.resize(bytes) }

// Add takes the keys of a connection after its handshake: the client's application traffic secret,
// number 0, with which nothing was opened, and an opener that has the server's and has opened all
// that was sealed with it. What the opener has made of its secret is used, not made again, and the
// next record gets the number behind the last that it has opened. The caller then clears both: an
// opener is added once. The error is that of Memory, or that there are too many keys.
func (r *Keyring) Add(client []byte, server *Opener) (Keys, error) {
	if len(client) != server.suite.SecretLen() {
		panic(badSecret)
	}
	name, k, err := r.slabs.take()
	if err != nil {
		return 0, err
	}
	k.suite, k.writeSecret = server.suite, server.secret
	copy(k.readSecret[:], client)
	r.useSecret(k, server)
	return name, nil
}

// Remove overwrites the keys of a connection that has ended.
func (r *Keyring) Remove(name Keys) {
	r.retire(r.inUse(name))
	if r.opener.of == name {
		r.opener = opener{}
	}
	r.slabs.release(name)
}

// Len returns the number of connections.
func (r *Keyring) Len() int { return r.slabs.inUse }

// Hot returns how many AEADs are kept ready, and how often one was there and was not there.
func (r *Keyring) Hot() (n int, hits, misses uint64) {
	return len(r.cache.entries) - len(r.cache.empty), r.cache.hits, r.cache.misses
}

// inUse returns keys that were added and not removed.
func (r *Keyring) inUse(name Keys) *keys {
	k := r.slabs.at(name)
	if k.name == 0 {
		panic("tlsrecord: internal error: these keys were removed")
	}
	return k
}

// useSecret makes the write key that the secret stands for the current one: that of known if it is
// not nil. It is the only function that changes key, IV or number, and changes all of them, and the
// name by which the cache knows the key.
func (r *Keyring) useSecret(k *keys, known *Opener) {
	r.names++
	k.name, k.sent, k.hot = r.names, 0, 0
	if known != nil {
		k.sent, k.writeKey, k.writeIV = known.number, known.key, known.iv
		k.hot = r.cache.put(k.name, known.aead)
		return
	}
	k.suite.deriveKey(k.writeKey[:k.suite.keyLen()], k.writeIV[:], k.writeSecret[:k.suite.SecretLen()])
}

// retire forgets the AEAD of a write key that is no longer used.
func (r *Keyring) retire(k *keys) { r.cache.drop(k.name, k.hot) }

// Seal returns p, at most MaxPlaintext bytes, as a protected record. The record is valid until the
// next call for any connection. When the key has sealed enough, a KeyUpdate goes first.
func (r *Keyring) Seal(name Keys, t ContentType, p []byte) []byte {
	k := r.inUse(name)
	r.sealed = r.sealed[:0]
	if k.sent >= r.rekeyAfter {
		r.updateWrite(k)
	}
	r.seal(k, t, p)
	return r.sealed
}

// seal appends a record to sealed. It is the only function that encrypts. The record is counted
// first, so that whatever happens its number is not used again.
func (r *Keyring) seal(k *keys, t ContentType, p []byte) {
	if len(p) > MaxPlaintext {
		panic("tlsrecord: internal error: too much for a record")
	}
	number := k.sent
	k.sent++
	r.setNonce(&k.writeIV, number)
	from := len(r.sealed)
	out := appendHeader(r.sealed, len(p)+overhead)
	body := len(out)
	out = append(append(out, p...), byte(t))
	r.sealed = r.sealer(k).Seal(out[:body], r.nonce[:], out[body:], out[from:body])
}

// sealer returns the AEAD of the write key.
func (r *Keyring) sealer(k *keys) cipher.AEAD {
	if aead := r.cache.get(k.name, k.hot); aead != nil {
		return aead
	}
	aead := r.aeadOf(k.suite, k.writeKey[:k.suite.keyLen()])
	k.hot = r.cache.put(k.name, aead)
	return aead
}

// setNonce sets the nonce of a record (RFC 8446 section 5.3).
func (r *Keyring) setNonce(iv *[ivLen]byte, number uint64) {
	r.nonce = *iv
	low := r.nonce[ivLen-8:]
	binary.BigEndian.PutUint64(low, binary.BigEndian.Uint64(low)^number)
}

// open decrypts a record in place. It counts records that it opens.
func (r *Keyring) open(name Keys, k *keys, record []byte) (ContentType, []byte, error) {
	if r.opener.of != name {
		var key [maxKey]byte
		n := k.suite.keyLen()
		r.opener.of = name
		k.suite.deriveKey(key[:n], r.opener.iv[:], k.readSecret[:k.suite.SecretLen()])
		r.opener.aead = r.aeadOf(k.suite, key[:n])
		clear(key[:])
	}
	r.setNonce(&r.opener.iv, k.received)
	body := record[HeaderLen:]
	inner, err := r.opener.aead.Open(body[:0], r.nonce[:], body, record[:HeaderLen])
	switch {
	case err != nil:
		return 0, nil, BadRecordMAC
	case len(inner) > MaxPlaintext+1:
		return 0, nil, RecordOverflow
	}
	k.received++
	return unpad(inner)
}

// updateRead replaces the read secret.
func (r *Keyring) updateRead(name Keys, k *keys) {
	k.suite.nextSecret(k.readSecret[:k.suite.SecretLen()])
	k.received = 0
	if r.opener.of == name {
		r.opener = opener{}
	}
}

// updateWrite seals a KeyUpdate and replaces the write secret.
func (r *Keyring) updateWrite(k *keys) {
	r.seal(k, Handshake, []byte{typeKeyUpdate, 0, 0, 1, updateNotRequested})
	r.retire(k)
	k.suite.nextSecret(k.writeSecret[:k.suite.SecretLen()])
	r.useSecret(k, nil)
}

// Update returns a KeyUpdate record for the client, after which another key seals. The record is
// valid until the next call.
func (r *Keyring) Update(name Keys) []byte {
	r.sealed = r.sealed[:0]
	r.updateWrite(r.inUse(name))
	return r.sealed
}

// Alert returns an alert as a record, as Seal does.
func (r *Keyring) Alert(name Keys, a Alert) []byte { return r.Seal(name, AlertRecord, a.message()) }
