package certs

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func publicRSA(bits int) *rsa.PublicKey {
	return &rsa.PublicKey{N: new(big.Int).SetBit(new(big.Int), bits-1, 1), E: 65537}
}

// socketPair returns two connected ends with buffers between them: on a net.Pipe both sides block
// when both write at once, as they do when a client refuses a certificate early.
func socketPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socketpair")
		if ends[i], err = net.FileConn(f); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return ends[0], ends[1]
}

// shakeHands connects a client to a server and returns what the client saw and what either
// complained of.
func shakeHands(t *testing.T, server, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	serverEnd, clientEnd := socketPair(t)
	deadline := time.Now().Add(10 * time.Second) // a socket has no clock but the real one
	for _, end := range []net.Conn{serverEnd, clientEnd} {
		if err := end.SetDeadline(deadline); err != nil {
			t.Fatal(err)
		}
	}
	served := make(chan error, 1)
	go func() {
		conn := tls.Server(serverEnd, server)
		err := conn.Handshake()
		if err == nil {
			_, err = conn.Write([]byte("x")) // carries the session tickets with it
		}
		_ = conn.Close() // the client may be gone already
		served <- err
	}()
	conn := tls.Client(clientEnd, client)
	err := conn.Handshake()
	if err == nil {
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Errorf("read after the handshake: %v", err)
		}
	}
	state := conn.ConnectionState()
	clientEnd.Close()
	return state, errors.Join(err, <-served)
}

// trusting is a client that trusts the root and asks for www.example.org.
func trusting(root issued) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(root.cert)
	return &tls.Config{RootCAs: pool, ServerName: "www.example.org", Time: func() time.Time { return noon }}
}

// newStore is a store with certificates, the first of them for everybody else.
func newStore(t *testing.T, policy Policy, pairs ...*Pair) *Store {
	t.Helper()
	s, err := NewStore(policy)
	if err != nil {
		t.Fatal(err)
	}
	s.now = func() time.Time { return noon }
	s.SetFiles(pairs, 0)
	return s
}

// pairOf writes a chain and reads it back.
func pairOf(t *testing.T, chain ...issued) *Pair {
	t.Helper()
	certFile, keyFile := writePair(t, t.TempDir(), chain...)
	p, err := LoadFiles(Files{Cert: certFile, Key: keyFile}, noon)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var usual = Policy{MinVersion: "1.2", Tickets: true}

func storeOf(t *testing.T, minVersion string, chain ...issued) *Store {
	t.Helper()
	return newStore(t, Policy{MinVersion: minVersion, Tickets: true}, pairOf(t, chain...))
}

func TestAClientThatKnowsTheRootAloneIsServedTheChain(t *testing.T) {
	c := newChain(t)
	s := storeOf(t, "1.2", c.leaf, c.intermediate)
	state, err := shakeHands(t, configOf(s), trusting(c.root))
	if err != nil {
		t.Fatal(err)
	}
	if state.Version != tls.VersionTLS13 || state.CurveID != tls.X25519MLKEM768 || len(state.PeerCertificates) != 2 {
		t.Errorf("version %x, curve %v, %d certificates", state.Version, state.CurveID, len(state.PeerCertificates))
	}
}

func TestVersions(t *testing.T) {
	c := newChain(t)
	for _, test := range []struct {
		min    string
		client uint16
		ok     bool
	}{
		{"1.2", tls.VersionTLS13, true},
		{"1.2", tls.VersionTLS12, true},
		{"1.2", tls.VersionTLS11, false},
		{"1.2", tls.VersionTLS10, false},
		{"1.3", tls.VersionTLS13, true},
		{"1.3", tls.VersionTLS12, false},
	} {
		s := storeOf(t, test.min, c.leaf, c.intermediate)
		client := trusting(c.root)
		client.MinVersion, client.MaxVersion = tls.VersionTLS10, test.client
		state, err := shakeHands(t, configOf(s), client)
		if (err == nil) != test.ok || test.ok && state.Version != test.client {
			t.Errorf("server from %s, client up to %s: %s, %v", test.min, tls.VersionName(test.client), tls.VersionName(state.Version), err)
		}
	}
	if _, err := NewStore(Policy{MinVersion: "1.1"}); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	if err := storeOf(t, "1.2", c.leaf).SetPolicy(Policy{MinVersion: "1.1"}); err == nil {
		t.Error("TLS 1.1 was accepted later")
	}
}

func TestSuitesOfTLS12(t *testing.T) {
	c := newChain(t)
	rsaLeaf := issueFor(t, rsaKey(t, 2048), &c.intermediate, server())
	for _, leaf := range []issued{c.leaf, rsaLeaf} {
		s := storeOf(t, "1.2", leaf, c.intermediate)
		served := 0
		for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
			if !slices.Contains(suite.SupportedVersions, tls.VersionTLS12) || len(suite.SupportedVersions) == 1 && suite.SupportedVersions[0] == tls.VersionTLS13 {
				continue
			}
			client := trusting(c.root)
			client.MaxVersion, client.CipherSuites = tls.VersionTLS12, []uint16{suite.ID}
			_, err := shakeHands(t, configOf(s), client)
			aead := strings.Contains(suite.Name, "GCM") || strings.Contains(suite.Name, "CHACHA20")
			if err == nil {
				served++
				if !aead || !strings.HasPrefix(suite.Name, "TLS_ECDHE_") {
					t.Errorf("%s is served", suite.Name)
				}
			}
		}
		if served != 3 { // half of the six are for ECDSA, half for RSA
			t.Errorf("%s: %d suites are served, want 3", leaf.cert.PublicKeyAlgorithm, served)
		}
	}
}

func TestCurves(t *testing.T) {
	c := newChain(t)
	s := storeOf(t, "1.2", c.leaf, c.intermediate)
	for _, test := range []struct {
		curve tls.CurveID
		ok    bool
	}{{tls.X25519MLKEM768, true}, {tls.X25519, true}, {tls.CurveP256, true}, {tls.CurveP384, true}, {tls.CurveP521, false}} {
		client := trusting(c.root)
		client.CurvePreferences = []tls.CurveID{test.curve}
		state, err := shakeHands(t, configOf(s), client)
		if (err == nil) != test.ok || test.ok && state.CurveID != test.curve {
			t.Errorf("%v: agreed on %v, %v; want it to be served: %v", test.curve, state.CurveID, err, test.ok)
		}
	}
}

func TestALPN(t *testing.T) {
	c := newChain(t)
	s := storeOf(t, "1.2", c.leaf, c.intermediate)
	for _, test := range []struct {
		offer []string
		want  string
		ok    bool
	}{
		{nil, "", true},
		{[]string{"http/1.1"}, "http/1.1", true},
		{[]string{"h2", "http/1.1"}, "http/1.1", true},
		{[]string{"h2"}, "", false},
		{[]string{"ftp"}, "", false},
	} {
		client := trusting(c.root)
		client.NextProtos = test.offer
		state, err := shakeHands(t, configOf(s), client)
		if (err == nil) != test.ok || test.ok && state.NegotiatedProtocol != test.want {
			t.Errorf("offer %q: %q, %v; want %q, accepted %v", test.offer, state.NegotiatedProtocol, err, test.want, test.ok)
		}
	}
}

func TestRecordsAreNotMadeSmaller(t *testing.T) {
	if s := storeOf(t, "1.2", issue(t, nil, server())); !configOf(s).DynamicRecordSizingDisabled {
		t.Error("dynamic record sizing is on")
	}
}

func TestAChangeSwapsTheCertificate(t *testing.T) {
	c := newChain(t)
	s := storeOf(t, "1.2", c.leaf, c.intermediate)
	before := configOf(s)
	if configOf(s) != before {
		t.Error("connections of one snapshot do not share a configuration, and so no session tickets")
	}

	next := issue(t, &c.intermediate, server(), func(x *x509.Certificate) { x.SerialNumber = big.NewInt(7) })
	pair := pairOf(t, next, c.intermediate)
	s.SetFiles([]*Pair{pair}, 0)
	if configOf(s) == before || s.Default() != pair || s.Certificates()[0].SHA256 != pair.Info().SHA256 {
		t.Error("the configuration is the old one, or what is told of it")
	}
	for name, test := range map[string]struct {
		config *tls.Config
		serial int64
	}{"begun before": {before, 1}, "new": {configOf(s), 7}} {
		state, err := shakeHands(t, test.config, trusting(c.root))
		if err != nil {
			t.Fatal(err)
		}
		if got := state.PeerCertificates[0].SerialNumber.Int64(); got != test.serial {
			t.Errorf("a connection %s got serial number %d, want %d", name, got, test.serial)
		}
	}
}

func TestAStoreWithoutCertificatesRefusesWithTheRightAlert(t *testing.T) {
	s := newStore(t, usual)
	_, err := shakeHands(t, configOf(s), &tls.Config{ServerName: "www.example.org"})
	wantAlert(t, err, alertUnrecognizedName)
	if s.Default() != nil || len(s.Certificates()) > 0 {
		t.Error("there is a certificate")
	}
	if !serves(s, "x", "y") {
		t.Error("a store without certificates has an opinion about hosts")
	}
}

// alertUnrecognizedName is what a name that is not served is answered (RFC 6066 section 3).
const alertUnrecognizedName = tls.AlertError(112)

// wantAlert says that a handshake failed by an alert of the server.
func wantAlert(t *testing.T, err error, want tls.AlertError) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "remote error: "+want.Error()) {
		t.Errorf("got %v, want the alert %q", err, want)
	}
}

func TestChangesWhileHandshaking(t *testing.T) {
	c := newChain(t)
	pair := pairOf(t, c.leaf, c.intermediate)
	s := newStore(t, usual, pair)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 50 {
			s.SetFiles([]*Pair{pair}, 0)
			s.rotateNow()
			s.SetChallenge("a.example.org", &tls.Certificate{})
			s.SetChallenge("a.example.org", nil)
		}
	}()
	for range 20 {
		if _, err := shakeHands(t, configOf(s), trusting(c.root)); err != nil {
			t.Error(err)
		}
		serves(s, "www.example.org", "www.example.org")
	}
	<-done
}
