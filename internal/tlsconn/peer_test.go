package tlsconn

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/tlsrecord"
)

// patience is how long a test waits for what must come; it is only ever used up by a failure.
const patience = 30 * time.Second

var versions = []uint16{tls.VersionTLS12, tls.VersionTLS13}

var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return selfSigned(key)
})

// steadyCertificate makes signatures of one length, so that a client's stream is as long in each
// run.
var steadyCertificate = sync.OnceValue(func() tls.Certificate {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return selfSigned(key)
})

func selfSigned(key crypto.Signer) tls.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{"localhost"},
		NotBefore:    time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func serverConfig(version uint16) *tls.Config {
	config := &tls.Config{
		Certificates:                []tls.Certificate{certificate()},
		MinVersion:                  version,
		MaxVersion:                  version,
		DynamicRecordSizingDisabled: true,
	}
	config.SetSessionTicketKeys([][32]byte{{1, 2, 3}})
	return config
}

// clientConfig asks for one small key share, which keeps the hello short.
func clientConfig(version uint16) *tls.Config {
	return &tls.Config{
		ServerName:         "localhost",
		InsecureSkipVerify: true,
		MinVersion:         version,
		MaxVersion:         version,
		CurvePreferences:   []tls.CurveID{tls.X25519},
	}
}

// scenario is a client's behaviour and what the server says to it.
type scenario struct {
	config *tls.Config
	client func(raw clientEnd) error // runs on a goroutine of its own; the link is closed for it at the end
	says   [][]byte                  // sealed after the handshake, each at once, then close_notify
	cut    int                       // the client's stream ends here; 0: uncut
	cutErr error                     // with this error; nil: io.EOF
	way    way                       // of stepped
	strict bool                      // handed over, records are refused that crypto/tls ignores
}

// way is who keeps the records after the handshake.
type way bool

const (
	byCrypto   way = false
	handedOver way = true
)

func (w way) String() string {
	if w == handedOver {
		return "handed over"
	}
	return "crypto/tls"
}

// ways returns the scenario with both ways to keep the records.
func (sc scenario) ways() []scenario {
	own := sc
	own.way = handedOver
	return []scenario{sc, own}
}

// outcome is what a server learns from a client, and what it tells it.
type outcome struct {
	keeper    Keeper // of the records; HandedOver only if that was wanted
	wanted    way
	strict    bool
	handshake error
	plain     []byte
	read      error // what ended reading
	write     error // what ended writing
	taken     int   // bytes of the client's stream that were read
	said      []byte
	client    error // what the client's behaviour returned
}

// sameAs compares what must not depend on how bytes arrive.
func (o outcome) sameAs(want outcome) error {
	if got, want := text(o.handshake), text(want.handshake); got != want {
		return fmt.Errorf("handshake error: got %q, a blocking connection has %q", got, want)
	}
	if o.handshake == nil && o.wanted == handedOver && o.keeper != HandedOver && o.keeper != KeptTLS12 {
		return fmt.Errorf("not handed over: %s", o.keeper)
	}
	if o.keeper == HandedOver {
		return o.likeOwn(want)
	}
	if !bytes.Equal(o.plain, want.plain) {
		return fmt.Errorf("plaintext: got %d bytes %.60q, a blocking connection has %d bytes %.60q", len(o.plain), o.plain, len(want.plain), want.plain)
	}
	if got, want := text(o.read), text(want.read); got != want {
		return fmt.Errorf("read error: got %q, a blocking connection has %q", got, want)
	}
	return nil
}

// likeOwn compares a connection that was handed over: its errors have other texts, but the same
// causes, and it may refuse what crypto/tls still ignores.
func (o outcome) likeOwn(want outcome) error {
	got := kind(o.read)
	if o.strict && got == violation && bytes.HasPrefix(want.plain, o.plain) {
		return nil
	}
	if !bytes.Equal(o.plain, want.plain) {
		return fmt.Errorf("plaintext: got %d bytes %.60q, a blocking connection has %d bytes %.60q", len(o.plain), o.plain, len(want.plain), want.plain)
	}
	if want := kind(want.read); got != want {
		return fmt.Errorf("read error: got %s (%w), a blocking connection has %s", got, o.read, want)
	}
	return nil
}

// violation is the kind of all errors about what the client sent.
const violation = "violation"

// kind returns what an error has in common with another of the same cause.
func kind(err error) string {
	if _, isPeer := PeerAlert(err); err != nil && !isPeer && (isLocal(err) || strings.HasPrefix(err.Error(), "tls: ")) {
		return violation
	}
	return text(err)
}

func text(err error) string {
	if err == nil {
		return "none"
	}
	return err.Error()
}

// start builds the scenario's link and runs its client; stop closes the link and returns the
// client's error.
func (sc scenario) start() (l *link, stop func() error) {
	l = newLink()
	if sc.cut > 0 {
		l.cut = sc.cut
	}
	if sc.cutErr != nil {
		l.cutErr = sc.cutErr
	}
	ended := make(chan error, 1)
	go func() { ended <- sc.client(clientEnd{l}) }()
	return l, func() error {
		l.close()
		return <-ended
	}
}

// stepped plays the scenario with a Conn over a descriptor that follows s.
func (sc scenario) stepped(t testing.TB, s script) outcome {
	t.Helper()
	l, stop := sc.start()
	ready := make(chan struct{}, 1)
	c := sc.way.newConn(&steppedEnd{l: l, script: s}, sc.config)
	l.onEvent(func() {
		c.Wake()
		select {
		case ready <- struct{}{}:
		default:
		}
	})
	done := make(chan error, 1)
	c.Start(NewGate(1, nil), func(err error) { done <- err })
	o := outcome{handshake: receive(t, done), keeper: KeptBySetting, wanted: sc.way, strict: sc.strict}
	if o.handshake == nil {
		o.keeper = c.HandOver(newRecords())
		defer c.Release()
		o.converse(t, c, sc.says, ready)
	} else {
		_, _ = c.Flush()
	}
	l.onEvent(nil)
	o.client = stop()
	o.taken, o.said = l.takenUp(), l.said()
	return o
}

// secured is what Conn and Plain have in common.
type secured interface {
	Start(g *Gate, done func(error))
	Wake()
	Abort(err error)
	ReadPlain(p []byte) (int, error)
	Seal(p []byte) error
	Flush() (wantWrite bool, err error)
	Pending() int
	CloseNotify() error
	Version() uint16
	CipherSuite() uint16
	ServerName() string
}

var (
	_ secured = (*Conn)(nil)
	_ secured = (*Plain)(nil)
)

// converse is a small event loop for one connection: it says what there is to say and reads to the
// end.
func (o *outcome) converse(t testing.TB, c secured, says [][]byte, ready <-chan struct{}) {
	t.Helper()
	buf := make([]byte, 512)
	notified := false
	for {
		for o.read == nil {
			n, err := c.ReadPlain(buf)
			o.plain = append(o.plain, buf[:n]...)
			if err != nil {
				if errors.Is(err, errBlocked) {
					break
				}
				o.read = err
			}
		}
		for o.write == nil && !notified {
			var want bool
			if want, o.write = c.Flush(); want || o.write != nil {
				break
			}
			if len(says) > 0 {
				o.write = c.Seal(says[0])
				says = says[1:]
				continue
			}
			o.write = c.CloseNotify()
			notified = true
		}
		want, err := c.Flush()
		if err != nil && o.write == nil {
			o.write = err
		}
		if o.read != nil && !want && (notified || o.write != nil) {
			return
		}
		receive(t, ready)
	}
}

// blocking plays the scenario with a tls.Conn that blocks, over the same kind of link.
func (sc scenario) blocking(t testing.TB) outcome {
	t.Helper()
	l, stop := sc.start()
	c := tls.Server(blockingEnd{clientEnd{l}}, sc.config)
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		if o.handshake = c.Handshake(); o.handshake != nil {
			done <- o
			return
		}
		// All from one goroutine: a link takes every write, and crypto/tls sends some alerts about
		// what it reads without the lock that a Write beside it would hold.
		for _, p := range sc.says {
			if o.write == nil {
				_, o.write = c.Write(p)
			}
		}
		if o.write == nil {
			o.write = c.CloseWrite()
		}
		buf := make([]byte, 512)
		for o.read == nil {
			var n int
			n, o.read = c.Read(buf)
			o.plain = append(o.plain, buf[:n]...)
		}
		done <- o
	}()
	o := receive(t, done)
	o.client = stop()
	o.taken, o.said = l.takenUp(), l.said()
	return o
}

// receive waits for what must come.
func receive[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case v := <-ch:
		return v
	case <-timer.C:
		t.Fatal("waited in vain")
		panic("unreachable")
	}
}

// visitor is a well-behaved client: it sends each piece as a record, reads to close_notify, checks
// what it read, and closes properly.
func visitor(config *tls.Config, want []byte, pieces ...string) func(raw clientEnd) error {
	return func(raw clientEnd) (err error) {
		c := tls.Client(raw, config)
		defer func() { err = errors.Join(err, c.Close()) }()
		for _, p := range pieces {
			if _, err := io.WriteString(c, p); err != nil {
				return err
			}
		}
		got, err := io.ReadAll(c)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("client got %d bytes, want %d", len(got), len(want))
		}
		return nil
	}
}

// bytesOf sends bytes as they are and ends its side.
func bytesOf(p []byte) func(raw clientEnd) error {
	return func(raw clientEnd) error {
		_, err := raw.Write(p)
		raw.CloseWrite()
		return err
	}
}

var _ net.Conn = clientEnd{}

// newConn returns a connection over d on the heap; edge embeds its connections.
func newConn(d Descriptor, cfg *tls.Config) *Conn { return byCrypto.newConn(d, cfg) }

func (w way) newConn(d Descriptor, cfg *tls.Config) *Conn {
	c := &Conn{}
	c.Init(d, cfg, bool(w))
	return c
}

// afterHandshake returns a connection whose client has done the handshake and nothing more.
func afterHandshake(t testing.TB, client *tls.Config, g *Gate, newConn func(Descriptor) *Conn) *Conn {
	t.Helper()
	l, stop := scenario{client: func(raw clientEnd) error { return tls.Client(raw, client).Handshake() }}.start()
	c := newConn(&steppedEnd{l: l})
	l.onEvent(c.Wake)
	done := make(chan error, 1)
	c.Start(g, func(err error) { done <- err })
	if err := receive(t, done); err != nil {
		t.Fatal(err)
	}
	l.onEvent(nil)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	return c
}

// newRecords returns those of a loop.
func newRecords() *Records { return recordsThatRekey(0) }

// recordsThatRekey returns those of a loop that changes its keys after so many records.
func recordsThatRekey(after uint64) *Records {
	return NewRecords(tlsrecord.Options{
		Memory:     func(n int) ([]byte, error) { return make([]byte, n), nil },
		HotBytes:   1 << 20,
		RekeyAfter: after,
	})
}
