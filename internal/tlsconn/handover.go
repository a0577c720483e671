package tlsconn

import (
	"crypto/fips140"
	"crypto/tls"
	"encoding/binary"

	"github.com/hassesd/hassesd/internal/tlsrecord"
)

// Keeper is who protects the records of a connection after its handshake: its owner, or crypto/tls
// for a reason. The set is closed.
type Keeper uint8

// The keepers.
const (
	HandedOver       Keeper = iota // not crypto/tls any more
	KeptBySetting                  // the owner of the connection has not asked for them
	KeptTLS12                      // the version is not TLS 1.3
	KeptFIPS                       // crypto/tls must use the module that was validated
	KeptUnknownSuite               // a suite that package tlsrecord does not know
	KeptNoSecrets                  // crypto/tls has not told the secrets, or not as expected
	KeptOddFlight                  // not all that we sent opens with these secrets
	KeptOddInput                   // the client's last record has not ended with the handshake
	KeptNoMemory                   // there is no room for the keys
)

// NumKeepers is the number of keepers.
const NumKeepers = int(KeptNoMemory) + 1

var keeperNames = [NumKeepers]string{
	HandedOver:       "handed_over",
	KeptBySetting:    "setting",
	KeptTLS12:        "tls12",
	KeptFIPS:         "fips",
	KeptUnknownSuite: "unknown_suite",
	KeptNoSecrets:    "no_secrets",
	KeptOddFlight:    "odd_flight",
	KeptOddInput:     "odd_input",
	KeptNoMemory:     "no_memory",
}

func (k Keeper) String() string { return keeperNames[k] }

// HandOver takes the records from crypto/tls, which the connection then no longer needs, and
// returns who keeps them. r is that of the caller's loop. Call it at most once, after a handshake
// that succeeded and before anything else is read or sealed. Unless the result is HandedOver,
// nothing has changed.
func (c *Conn) HandOver(r *Records) Keeper {
	k := c.open()
	if k.used {
		panic("tlsconn: internal error: handover of a connection that was used")
	}
	s := k.secrets
	if s == nil {
		return KeptBySetting
	}
	k.secrets = nil
	defer s.clear()
	if s.keeper != HandedOver {
		return s.keeper
	}
	keys, err := r.ring.Add(s.client[:s.server.SecretLen()], s.server)
	if err != nil {
		return KeptNoMemory
	}
	c.records, c.keys = r, keys
	if k.wire.out.rest != nil || k.wire.out.err != nil {
		c.hold().out = k.wire.out
	}
	if k.wire.ahead != nil {
		c.hold().held = k.wire.ahead
	}
	c.crypto.Store(nil)
	return HandedOver
}

// IsHandedOver reports whether HandOver has succeeded and Release has not been called.
func (c *Conn) IsHandedOver() bool { return c.records != nil }

// Release overwrites the keys of a connection that was handed over. The connection must not be used
// any more.
func (c *Conn) Release() {
	if c.records != nil {
		c.records.ring.Remove(c.keys)
		c.records, c.keys, c.busy = nil, 0, nil
	}
	if k := c.crypto.Load(); k != nil && k.wire.hs.Load() == nil && k.secrets != nil {
		k.secrets.clear()
	}
}

// secrets are what the handshake has found out for HandOver.
type secrets struct {
	keeper Keeper
	client [maxSecret]byte   // its application traffic secret
	server *tlsrecord.Opener // has ours, and has opened what was sealed with it; nil: crypto/tls keeps the records
}

// maxSecret is the length of the longest traffic secret.
const maxSecret = 48

func (s *secrets) clear() {
	clear(s.client[:])
	if s.server != nil {
		s.server.Clear()
		s.server = nil
	}
}

// proof checks, while a handshake goes on, that its result can be taken from crypto/tls: it opens
// each record that we send, so that the number of those that were sealed with the application key is
// known and not assumed. A wrong number would make a nonce repeat.
type proof struct {
	// Owned by the handshake's goroutine.
	log         keyLog
	suiteOf     func(uint16) (tlsrecord.Suite, bool) // tlsrecord.SuiteOf, but for tests
	suite       uint16                               // of our ServerHello; 0: none yet
	handshake   *tlsrecord.Opener                    // nil: nothing sealed yet
	application *tlsrecord.Opener
	odd         bool // a record is not what it should be
}

func newProof() *proof { return &proof{suiteOf: tlsrecord.SuiteOf} }

// sent looks at one or more whole records that we send.
func (p *proof) sent(records []byte) {
	for len(records) > 0 && !p.odd {
		if len(records) < headerLen {
			p.odd = true
			return
		}
		n := headerLen + int(binary.BigEndian.Uint16(records[3:]))
		if n > len(records) {
			p.odd = true
			return
		}
		p.odd = !p.expects(records[:n])
		records = records[n:]
	}
}

// expects reports whether the record may come now: hellos in the clear, then sealed handshake
// messages with the handshake key, then tickets with the application key.
func (p *proof) expects(record []byte) bool {
	switch record[0] {
	case recordHandshake:
		suite, ok := suiteOfHello(record)
		p.suite = suite
		return ok && p.handshake == nil
	case recordChangeCipherSpec:
		return p.handshake == nil
	case recordApplication:
		return p.opens(record)
	}
	return false
}

// opens reports whether a sealed record is the next one of either key, and a handshake message.
func (p *proof) opens(record []byte) bool {
	if p.handshake == nil {
		suite, ok := p.suiteOf(p.suite)
		if !ok || !p.log.isComplete(suite.SecretLen()) {
			return false
		}
		n := suite.SecretLen()
		p.handshake = tlsrecord.NewOpener(suite, p.log.serverHandshake.bytes[:n])
		p.application = tlsrecord.NewOpener(suite, p.log.server.bytes[:n])
	}
	if p.application.Opened() == 0 {
		if t, ok := p.handshake.Opens(record); ok {
			return t == tlsrecord.Handshake
		}
	}
	t, ok := p.application.Opens(record)
	return ok && t == tlsrecord.Handshake
}

// suiteOfHello returns the cipher suite of a record that begins with a ServerHello (RFC 8446
// section 4.1.3).
func suiteOfHello(record []byte) (uint16, bool) {
	const typeServerHello = 2
	const sessionAt = headerLen + 4 + 2 + 32 // behind the message's header, version and random
	if len(record) <= sessionAt || record[headerLen] != typeServerHello {
		return 0, false
	}
	at := sessionAt + 1 + int(record[sessionAt])
	if len(record) < at+2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(record[at:]), true
}

// finish returns what the handshake has found out, and overwrites its own secrets.
func (p *proof) finish(h *handshake, server *tls.Conn, err error) *secrets {
	defer p.clear()
	if err != nil {
		return nil
	}
	s := &secrets{}
	state := server.ConnectionState()
	suite, isKnown := p.suiteOf(state.CipherSuite)
	switch {
	case state.Version != tls.VersionTLS13:
		s.keeper = KeptTLS12
	case fips140.Enabled():
		s.keeper = KeptFIPS
	case !isKnown:
		s.keeper = KeptUnknownSuite
	case !p.log.isComplete(suite.SecretLen()):
		s.keeper = KeptNoSecrets
	case p.odd || p.handshake == nil || p.suite != state.CipherSuite:
		s.keeper = KeptOddFlight
	case !h.atBoundary():
		s.keeper = KeptOddInput
	default:
		s.keeper, s.client, s.server = HandedOver, p.log.client.bytes, p.application
		p.application = nil
	}
	return s
}

// clear overwrites the secrets that are left.
func (p *proof) clear() {
	p.log.clear()
	for _, o := range []*tlsrecord.Opener{p.handshake, p.application} {
		if o != nil {
			o.Clear()
		}
	}
}
