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

// socketPair returns two connected ends with buffers between them: on a net.Pipe both sides block when
// both write at once, as they do when a client refuses a certificate early.
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

// shakeHands connects a client to a server and returns what the client saw and what either complained of.
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

func storeOf(t *testing.T, minVersion string, chain ...issued) *Store {
	t.Helper()
	certFile, keyFile := writePair(t, t.TempDir(), chain...)
	p, err := LoadFiles(certFile, keyFile, noon)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewStore(p, minVersion)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAClientThatKnowsTheRootAloneIsServedTheChain(t *testing.T) {
	c := newChain(t)
	s := storeOf(t, "1.2", c.leaf, c.intermediate)
	state, err := shakeHands(t, s.Config(), trusting(c.root))
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
		state, err := shakeHands(t, s.Config(), client)
		if (err == nil) != test.ok || test.ok && state.Version != test.client {
			t.Errorf("server from %s, client up to %s: %s, %v", test.min, tls.VersionName(test.client), tls.VersionName(state.Version), err)
		}
	}
	if _, err := NewStore(&Pair{}, "1.1"); err == nil {
		t.Error("TLS 1.1 was accepted")
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
			_, err := shakeHands(t, s.Config(), client)
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
		state, err := shakeHands(t, s.Config(), client)
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
		state, err := shakeHands(t, s.Config(), client)
		if (err == nil) != test.ok || test.ok && state.NegotiatedProtocol != test.want {
			t.Errorf("offer %q: %q, %v; want %q, accepted %v", test.offer, state.NegotiatedProtocol, err, test.want, test.ok)
		}
	}
}

func TestRecordsAreNotMadeSmaller(t *testing.T) {
	if s := storeOf(t, "1.2", issue(t, nil, server())); !s.Config().DynamicRecordSizingDisabled {
		t.Error("dynamic record sizing is on")
	}
}

func TestReloadSwapsTheCertificate(t *testing.T) {
	c := newChain(t)
	dir := t.TempDir()
	certFile, keyFile := writePair(t, dir, c.leaf, c.intermediate)
	p, err := LoadFiles(certFile, keyFile, noon)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewStore(p, "1.2")
	if err != nil {
		t.Fatal(err)
	}
	before := s.Config()
	if s.Config() != before {
		t.Error("connections of one snapshot do not share a configuration, and so no session tickets")
	}

	next := issue(t, &c.intermediate, server(), func(x *x509.Certificate) { x.SerialNumber = big.NewInt(7) })
	writePair(t, dir, next, c.intermediate)
	info, err := s.Reload(certFile, keyFile, noon)
	if err != nil {
		t.Fatal(err)
	}
	if s.Config() == before || info.SHA256 != s.Info().SHA256 {
		t.Errorf("the configuration is the old one, or Info %q is not what was loaded, %q", s.Info().SHA256, info.SHA256)
	}
	for name, test := range map[string]struct {
		config *tls.Config
		serial int64
	}{"begun before": {before, 1}, "new": {s.Config(), 7}} {
		state, err := shakeHands(t, test.config, trusting(c.root))
		if err != nil {
			t.Fatal(err)
		}
		if got := state.PeerCertificates[0].SerialNumber.Int64(); got != test.serial {
			t.Errorf("a connection %s got serial number %d, want %d", name, got, test.serial)
		}
	}
	if !slices.Equal(s.PEM(), certPEM(next, c.intermediate)) {
		t.Error("PEM is not what is served")
	}
}

func TestAFailedReloadKeepsTheOldCertificate(t *testing.T) {
	c := newChain(t)
	dir := t.TempDir()
	certFile, keyFile := writePair(t, dir, c.leaf, c.intermediate)
	s := storeOf(t, "1.2", c.leaf, c.intermediate)
	before := s.Config()
	write(t, dir, "key.pem", keyPEM(t, c.root.key))
	if _, err := s.Reload(certFile, keyFile, noon); err == nil {
		t.Fatal("a key that does not fit was accepted")
	}
	if s.Config() != before {
		t.Error("the configuration was changed")
	}
	if _, err := shakeHands(t, s.Config(), trusting(c.root)); err != nil {
		t.Error(err)
	}
}

func TestSessionsAreResumedWithinASnapshotOnly(t *testing.T) {
	c := newChain(t)
	dir := t.TempDir()
	certFile, keyFile := writePair(t, dir, c.leaf, c.intermediate)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s := storeOf(t, "1.2", c.leaf, c.intermediate)
		client := trusting(c.root)
		client.MaxVersion = version
		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		server := func() *tls.Config {
			// Tickets carry the time: the server must live at noon too. Only a test may touch the shared one.
			config := s.Config()
			config.Time = client.Time
			return config
		}
		for i, step := range []struct {
			reload, want bool
		}{{false, false}, {false, true}, {true, false}, {false, true}} {
			if step.reload {
				if _, err := s.Reload(certFile, keyFile, noon); err != nil {
					t.Fatal(err)
				}
			}
			state, err := shakeHands(t, server(), client)
			if err != nil {
				t.Fatal(err)
			}
			if state.DidResume != step.want {
				t.Errorf("%s, connection %d: resumed %v, want %v", tls.VersionName(version), i+1, state.DidResume, step.want)
			}
		}
	}
}

func TestReloadWhileHandshaking(t *testing.T) {
	c := newChain(t)
	certFile, keyFile := writePair(t, t.TempDir(), c.leaf, c.intermediate)
	s := storeOf(t, "1.2", c.leaf, c.intermediate)
	done := make(chan error, 1)
	go func() {
		for range 50 {
			if _, err := s.Reload(certFile, keyFile, noon); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range 20 {
		if _, err := shakeHands(t, s.Config(), trusting(c.root)); err != nil {
			t.Error(err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
