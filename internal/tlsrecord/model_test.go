package tlsrecord

import (
	"bytes"
	"crypto/cipher"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// recorder sees what every AEAD of a keyring is asked to do.
type recorder struct {
	t      *testing.T
	sealed map[string]bool // key and nonce
	seals  int
	made   int
}

func (rec *recorder) aeadOf(s Suite, key []byte) cipher.AEAD {
	rec.made++
	return &recordedAEAD{AEAD: s.aead(key), key: fmt.Sprintf("%d %x", s, key), rec: rec}
}

type recordedAEAD struct {
	cipher.AEAD
	key string
	rec *recorder
}

// Seal implements cipher.AEAD.
func (a *recordedAEAD) Seal(dst, nonce, plaintext, data []byte) []byte {
	use := fmt.Sprintf("%s %x", a.key, nonce)
	if a.rec.sealed[use] {
		a.rec.t.Fatalf("key and nonce %s seal a second time", use)
	}
	a.rec.sealed[use] = true
	a.rec.seals++
	return a.AEAD.Seal(dst, nonce, plaintext, data)
}

// connection is a connection as its client knows it: an opener of its own, and what it has still to
// get, because its socket was full.
type connection struct {
	name    Keys
	suite   Suite
	client  Keys // in the keyring of the clients
	pending [][]byte
	closed  bool
}

// A loop's life: connections come, seal, block, change keys on either side's wish, close and give
// their places to others, with an AEAD cache that has room for a few of them. No key meets a nonce
// twice, and each client can read all that it gets.
func TestT38NoNonceTwice(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			newModel(t, seed).run(5_000)
		})
	}
}

type model struct {
	t       *testing.T
	rand    *rand.Rand
	rec     *recorder
	server  *Keyring
	clients *Keyring
	open    []*connection
	secrets uint64
	reused  int // places that were given to a second connection
	seen    map[Keys]bool
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, rand: rand.New(rand.NewPCG(seed, 7)), rec: &recorder{t: t, sealed: map[string]bool{}}, seen: map[Keys]bool{}}
	m.server = newRing(Options{HotBytes: 5 * hotBytes, Seed: seed, RekeyAfter: 7})
	m.server.aeadOf = m.rec.aeadOf
	m.clients = newRing(Options{})
	return m
}

// secret returns one that was never returned before.
func (m *model) secret(s Suite) []byte {
	m.secrets++
	p := make([]byte, s.SecretLen())
	for i := range 8 {
		p[i] = byte(m.secrets >> (8 * i))
	}
	return p
}

func (m *model) run(steps int) {
	for range steps {
		switch n := m.rand.IntN(100); {
		case len(m.open) == 0 || n < 8 && len(m.open) < 12:
			m.accept()
		case n < 14:
			m.close(m.rand.IntN(len(m.open)))
		case n < 18:
			m.server.SetHotBytes(m.rand.IntN(8) * hotBytes)
		default:
			m.step(m.open[m.rand.IntN(len(m.open))], n)
		}
	}
	for len(m.open) > 0 {
		m.close(0)
	}
	if m.reused == 0 || m.rec.seals < steps/2 || m.rec.made < 100 {
		m.t.Errorf("the model saw %d places used again, %d seals, %d AEADs", m.reused, m.rec.seals, m.rec.made)
	}
	for name := range m.seen {
		if k := m.server.slabs.at(name); *k != (keys{next: k.next}) {
			m.t.Errorf("something of removed keys is left: %+v", *k)
		}
	}
	if m.server.Len() != 0 {
		m.t.Errorf("%d connections are left", m.server.Len())
	}
}

func (m *model) accept() {
	s := Suite(1 + m.rand.IntN(3))
	up, down := m.secret(s), m.secret(s)
	sent := uint64(m.rand.IntN(3)) // tickets
	c := &connection{name: add(m.t, m.server, s, up, down, sent), client: add(m.t, m.clients, s, down, up, 0), suite: s}
	m.clients.slabs.at(c.client).received = sent
	if m.seen[c.name] {
		m.reused++
	}
	m.seen[c.name] = true
	m.open = append(m.open, c)
}

func (m *model) close(i int) {
	c := m.open[i]
	if !c.closed {
		m.give(c, m.server.Alert(c.name, CloseNotify))
		c.closed = true
	}
	if m.rand.IntN(2) == 0 {
		m.drain(c)
	}
	m.server.Remove(c.name)
	m.clients.Remove(c.client)
	m.open = append(m.open[:i], m.open[i+1:]...)
}

// step lets one connection do something.
func (m *model) step(c *connection, n int) {
	switch {
	case n < 70 && !c.closed:
		m.give(c, m.server.Seal(c.name, ApplicationData, make([]byte, m.rand.IntN(60))))
	case n < 75 && !c.closed:
		m.give(c, m.server.Update(c.name))
	case n < 85:
		m.drain(c)
	case n < 92:
		m.hear(c, m.clients.Seal(c.client, ApplicationData, []byte("x")))
	case n < 96:
		m.hear(c, bytes.Clone(m.clients.Update(c.client)))
	default: // the client wants us to update
		k := m.clients.inUse(c.client)
		m.clients.sealed = m.clients.sealed[:0]
		m.clients.seal(k, Handshake, []byte{typeKeyUpdate, 0, 0, 1, updateRequested})
		record := bytes.Clone(m.clients.sealed)
		k.suite.nextSecret(k.writeSecret[:k.suite.SecretLen()])
		m.clients.useSecret(k, nil)
		m.hear(c, record)
	}
}

// give hands a record to the socket, which may be full: what it does not take is kept as it is.
func (m *model) give(c *connection, records []byte) {
	c.pending = append(c.pending, bytes.Clone(records))
	if m.rand.IntN(3) > 0 {
		m.drain(c)
	}
}

// drain lets the client read all that is pending.
func (m *model) drain(c *connection) {
	all := bytes.Join(c.pending, nil)
	c.pending = nil
	for len(all) > 0 {
		n, err := Size(all)
		if err != nil || n > len(all) {
			m.t.Fatalf("what we sent is no record: %v", err)
		}
		if _, _, err := m.clients.Receive(c.client, all[:n]); err != nil {
			m.t.Fatalf("the client cannot read what we sent: %v", err)
		}
		m.clients.inUse(c.client).useless = 0 // the client is patient
		all = all[n:]
	}
}

// hear lets the server read a record, and answer it.
func (m *model) hear(c *connection, record []byte) {
	got, _, err := m.server.Receive(c.name, record)
	if err != nil {
		m.t.Fatalf("the server cannot read what the client sent: %v", err)
	}
	m.server.inUse(c.name).useless = 0
	if got == UpdateWanted && !c.closed {
		m.give(c, m.server.Update(c.name))
	}
}

// The recorder would notice.
func TestTheRecorderSeesANonceTwice(t *testing.T) {
	t.Parallel()
	rec := &recorder{t: t, sealed: map[string]bool{}}
	r := newRing(Options{})
	r.aeadOf = rec.aeadOf
	name := add(t, r, AES128GCM, counting(1, 32), counting(2, 32), 0)
	r.Seal(name, ApplicationData, []byte("x"))
	nonce := r.nonce
	key := fmt.Sprintf("%d %x", AES128GCM, r.inUse(name).writeKey[:16])
	if !rec.sealed[fmt.Sprintf("%s %x", key, nonce)] {
		t.Error("the recorder has not seen the only record")
	}
}

// What happens if sealing panics: its number is used up.
func TestANumberIsUsedUpBeforeItsRecord(t *testing.T) {
	t.Parallel()
	r := newRing(Options{})
	name := add(t, r, AES128GCM, counting(1, 32), counting(2, 32), 0)
	r.aeadOf = func(Suite, []byte) cipher.AEAD { panic("no memory, say") }
	func() {
		defer func() { _ = recover() }()
		r.Seal(name, ApplicationData, []byte("x"))
	}()
	if got := r.inUse(name).sent; got != 1 {
		t.Errorf("%d records counted, want the one that failed", got)
	}
}

func TestRekeyAfterSoManyRecords(t *testing.T) {
	t.Parallel()
	if r := newRing(Options{}); r.rekeyAfter != 1<<24 {
		t.Errorf("keys change after %d records, want 2^24", r.rekeyAfter)
	}
	if r := newRing(Options{RekeyAfter: 1 << 30}); r.rekeyAfter != 1<<24 {
		t.Errorf("keys change after %d records: more than is safe", r.rekeyAfter)
	}
	r := newRing(Options{RekeyAfter: 3, HotBytes: 1 << 20})
	server, client := counting(1, 32), counting(2, 32)
	name := add(t, r, AES128GCM, client, server, 0)
	reader := add(t, r, AES128GCM, server, client, 0)
	records := 0
	for i := range 20 {
		for all := bytes.Clone(r.Seal(name, ApplicationData, []byte("event"))); len(all) > 0; records++ {
			n, err := Size(all)
			if err != nil {
				t.Fatal(err)
			}
			if got, p, err := r.Receive(reader, all[:n]); err != nil || got == Data && string(p) != "event" {
				t.Fatalf("record %d: %q, %v", i, p, err)
			}
			all = all[n:]
		}
	}
	if records != 20+6 {
		t.Errorf("20 events in %d records, want 6 KeyUpdates besides", records)
	}
}

func TestKeysHoldNoPointer(t *testing.T) {
	t.Parallel()
	r := newRing(Options{})
	for range 2 * slabLen {
		add(t, r, AES256GCM, counting(1, 48), counting(2, 48), 0)
	}
	if len(r.slabs.all) != 2 || unsafe.Sizeof(*r.slabs.all[0]) > slabBytes {
		t.Errorf("%d slabs of %d bytes", len(r.slabs.all), unsafe.Sizeof(*r.slabs.all[0]))
	}
	if keysSize > 184 {
		t.Errorf("the keys of a connection take %d bytes", keysSize)
	}
}
