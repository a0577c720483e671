package tlsconn

import (
	"bytes"
	"crypto/fips140"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/tlsrecord"
)

// handOver makes a handshake and asks for its records.
func handOver(t *testing.T, server, client *tls.Config, r *Records) (*Conn, Keeper) {
	t.Helper()
	c := afterHandshake(t, client, nil, func(d Descriptor) *Conn { return handedOver.newConn(d, server) })
	return c, c.HandOver(r)
}

// A release of Go that changes what the handover relies on shows here first.
func TestADefaultHandshakeIsHandedOver(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(server, client *tls.Config){
		"as usual":        func(*tls.Config, *tls.Config) {},
		"without tickets": func(server, _ *tls.Config) { server.SessionTicketsDisabled = true },
		"X25519 alone":    func(_, client *tls.Config) { client.CurvePreferences = []tls.CurveID{tls.X25519} },
		"ML-KEM alone":    func(_, client *tls.Config) { client.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768} },
		"HelloRetryRequest": func(server, client *tls.Config) {
			server.CurvePreferences = []tls.CurveID{tls.CurveP384}
			client.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}
		},
		"client certificate": func(server, client *tls.Config) {
			server.ClientAuth = tls.RequireAnyClientCert
			client.Certificates = []tls.Certificate{steadyCertificate()}
		},
		"no client certificate": func(server, _ *tls.Config) { server.ClientAuth = tls.RequestClientCert },
		"ALPN": func(server, client *tls.Config) {
			server.NextProtos, client.NextProtos = []string{"h2"}, []string{"h2"}
		},
		"a long chain": func(server, _ *tls.Config) {
			long := server.Certificates[0]
			for range 40 { // more than a record
				long.Certificate = append(long.Certificate, long.Certificate[0])
			}
			server.Certificates = []tls.Certificate{long}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := serverConfig(tls.VersionTLS12), everyday(tls.VersionTLS13)
			server.MaxVersion, client.MinVersion, client.MaxVersion = 0, 0, 0
			change(server, client)
			r := newRecords()
			c, keeper := handOver(t, server, client, r)
			if keeper != HandedOver || r.Len() != 1 || c.crypto.Load() != nil {
				t.Errorf("%s: %s, %d handed over", name, keeper, r.Len())
			}
			c.Release()
			if r.Len() != 0 {
				t.Error("its keys are left")
			}
		})
	}
}

func TestWhyCryptoTLSKeepsRecords(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		want   Keeper
		change func(server, client *tls.Config)
	}{
		"TLS 1.2": {KeptTLS12, func(_, client *tls.Config) { client.MaxVersion = tls.VersionTLS12 }},
		"a configuration that is not our clone": {KeptNoSecrets, func(server, _ *tls.Config) {
			other := server.Clone()
			server.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return other, nil }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := serverConfig(tls.VersionTLS12), everyday(tls.VersionTLS13)
			server.MaxVersion, client.MinVersion = 0, 0
			tt.change(server, client)
			r := newRecords()
			c, keeper := handOver(t, server, client, r)
			if keeper != tt.want || r.Len() != 0 || c.crypto.Load() == nil {
				t.Errorf("%s, %d handed over, want %s", keeper, r.Len(), tt.want)
			}
			c.forget()
			if err := c.Seal([]byte("crypto/tls goes on")); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("no memory", func(t *testing.T) {
		t.Parallel()
		r := NewRecords(tlsrecord.Options{Memory: func(int) ([]byte, error) { return nil, errors.New("none") }})
		if _, keeper := handOver(t, serverConfig(tls.VersionTLS13), everyday(tls.VersionTLS13), r); keeper != KeptNoMemory {
			t.Error(keeper)
		}
	})
	t.Run("not wanted", func(t *testing.T) {
		t.Parallel()
		c, _, _ := shaken(t, tls.VersionTLS13, byCrypto)
		if keeper := c.HandOver(newRecords()); keeper != KeptBySetting {
			t.Error(keeper)
		}
	})
}

// What no client can bring about, and a later version of Go may: the handshake succeeds, and
// crypto/tls keeps the records and all that it has read.
func TestCryptoTLSKeepsRecordsWhenItSurprises(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		want     Keeper
		surprise func(server *tls.Config, h *handshake)
	}{
		"a suite of the future": {KeptUnknownSuite, func(_ *tls.Config, h *handshake) {
			h.proof.suiteOf = func(uint16) (tlsrecord.Suite, bool) { return 0, false }
		}},
		"another handshake secret than it uses": {KeptOddFlight, func(server *tls.Config, h *handshake) {
			logFalsely(server, h, "SERVER_HANDSHAKE_TRAFFIC_SECRET")
		}},
		"another application secret than it uses": {KeptOddFlight, func(server *tls.Config, h *handshake) {
			logFalsely(server, h, "SERVER_TRAFFIC_SECRET_0")
		}},
		"it reads beyond the client's Finished": {KeptOddInput, func(server *tls.Config, h *handshake) {
			server.VerifyConnection = func(tls.ConnectionState) error {
				h.trace.have, h.trace.rest = headerLen, 1<<20 // and so it may read as much
				return nil
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const request = "sent right behind Finished"
			asked := make(chan error, 1)
			l, stop := scenario{client: func(raw clientEnd) error {
				config := everyday(tls.VersionTLS13)
				config.ClientSessionCache = tls.NewLRUClientSessionCache(1) // so that it gets a ticket
				_, err := tls.Client(raw, config).Write([]byte(request))    // after its handshake
				asked <- err
				return err
			}}.start()
			server := serverConfig(tls.VersionTLS13)
			var h *handshake
			server.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
				mine := server.Clone()
				mine.KeyLogWriter = &h.proof.log
				tt.surprise(mine, h)
				return mine, nil
			}
			c := handedOver.newConn(&steppedEnd{l: l}, server)
			h = c.handshaking()
			l.onEvent(c.Wake)
			done := make(chan error, 1)
			c.Start(nil, func(err error) { done <- err })
			if err := receive(t, done); err != nil {
				t.Fatal(err)
			}
			if err := receive(t, asked); err != nil {
				t.Fatal(err)
			}
			l.onEvent(nil)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			r := newRecords()
			if keeper := c.HandOver(r); keeper != tt.want || r.Len() != 0 || c.crypto.Load() == nil {
				t.Errorf("%s, %d handed over, want %s", keeper, r.Len(), tt.want)
			}
			buf := make([]byte, 1024)
			if n, err := c.ReadPlain(buf); string(buf[:n]) != request {
				t.Errorf("read %q, %v", buf[:n], err)
			}
			if err := c.Seal([]byte("crypto/tls goes on")); err != nil {
				t.Error(err)
			}
		})
	}
}

// logFalsely has one secret in the key log differ by a bit from the one that is used.
func logFalsely(config *tls.Config, h *handshake, label string) {
	config.KeyLogWriter = writerFunc(func(line []byte) (int, error) {
		line = bytes.Clone(line)
		if bytes.HasPrefix(line, []byte(label+" ")) {
			last := &line[len(line)-2] // before the end of the line
			digit, _ := strconv.ParseUint(string(*last), 16, 4)
			*last = "0123456789abcdef"[digit^1]
		}
		return h.proof.log.Write(line)
	})
}

// writerFunc is a function as an io.Writer.
type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// In FIPS mode crypto/tls keeps everything: the test runs itself in that mode.
func TestFIPSModeKeepsCryptoTLS(t *testing.T) {
	t.Parallel()
	if !fips140.Enabled() {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFIPSModeKeepsCryptoTLS$", "-test.v")
		cmd.Env = append(os.Environ(), "GODEBUG=fips140=on")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "kept in FIPS mode") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	client := everyday(tls.VersionTLS13)
	if _, keeper := handOver(t, serverConfig(tls.VersionTLS13), client, newRecords()); keeper != KeptFIPS {
		t.Errorf("%s", keeper)
	} else {
		t.Log("kept in FIPS mode")
	}
}

// A flight is accepted only if every record of it opens, in order.
func TestT38OddFlights(t *testing.T) {
	t.Parallel()
	suite := tlsrecord.AES128GCM
	handshake, client, server := noise(32), noise(32), noise(32)
	handshake[0], client[0], server[0] = 1, 2, 3
	hello := append(recordHeader(22, 4+2+32+1+3), append([]byte{2, 0, 0, 38, 3, 3}, make([]byte, 32+1)...)...)
	hello = append(hello, 0x13, 0x01, 0)
	ccs := append(recordHeader(20, 1), 1)

	seal := func(secret []byte, skip int, typ tlsrecord.ContentType, messages ...string) []byte {
		r := newRecords().ring
		keys, err := r.Add(secret, tlsrecord.NewOpener(suite, secret))
		if err != nil {
			t.Fatal(err)
		}
		for range skip {
			r.Seal(keys, typ, nil)
		}
		var out []byte
		for _, m := range messages {
			out = append(out, r.Seal(keys, typ, []byte(m))...)
		}
		return out
	}
	flight := seal(handshake, 0, tlsrecord.Handshake, "extensions", "certificate", "finished")
	tickets := seal(server, 0, tlsrecord.Handshake, "ticket", "ticket")
	for _, tt := range []struct {
		name   string
		writes [][]byte
		odd    bool
		sent   uint64
	}{
		{"one write", [][]byte{append(append(append(append([]byte{}, hello...), ccs...), flight...), tickets...)}, false, 2},
		{"without tickets", [][]byte{hello, ccs, flight}, false, 0},
		{"tickets later", [][]byte{hello, flight, tickets}, false, 2},
		{"HelloRetryRequest", [][]byte{append(append([]byte{}, hello...), ccs...), hello, flight, tickets}, false, 2},
		{"a ticket lost", [][]byte{hello, flight, seal(server, 1, tlsrecord.Handshake, "ticket")}, true, 0},
		{"a ticket twice", [][]byte{hello, flight, tickets, tickets}, true, 0},
		{"with another key", [][]byte{hello, flight, seal(client, 0, tlsrecord.Handshake, "ticket")}, true, 0},
		{"a record of the handshake lost", [][]byte{hello, seal(handshake, 1, tlsrecord.Handshake, "x")}, true, 0},
		{"the handshake's key again", [][]byte{hello, flight, tickets, seal(handshake, 3, tlsrecord.Handshake, "x")}, true, 0},
		{"data", [][]byte{hello, flight, seal(server, 0, tlsrecord.ApplicationData, "early")}, true, 0},
		{"an alert", [][]byte{hello, flight, seal(server, 0, tlsrecord.AlertRecord, "\x02\x50")}, true, 0},
		{"an alert in the clear", [][]byte{hello, append(recordHeader(21, 2), 2, 80)}, true, 0},
		{"a hello afterwards", [][]byte{hello, flight, hello}, true, 0},
		{"ChangeCipherSpec afterwards", [][]byte{hello, flight, ccs}, true, 0},
		{"half a record", [][]byte{hello, flight[:20]}, true, 0},
		{"half a header", [][]byte{hello, flight[:3]}, true, 0},
		{"no hello", [][]byte{flight}, true, 0},
		{"a hello of another suite", [][]byte{bytes.Replace(hello, []byte{0x13, 1, 0}, []byte{0x13, 2, 0}, 1), flight}, true, 0},
		{"a hello of no suite", [][]byte{bytes.Replace(hello, []byte{0x13, 1, 0}, []byte{0xc0, 0x2b, 0}, 1), flight}, true, 0},
		{"a hello cut short", [][]byte{hello[:30], flight}, true, 0},
	} {
		p := newProof()
		for label, secret := range map[string][]byte{"SERVER_HANDSHAKE_TRAFFIC_SECRET": handshake, "CLIENT_TRAFFIC_SECRET_0": client, "SERVER_TRAFFIC_SECRET_0": server} {
			if _, err := fmt.Fprintf(&p.log, "%s %x %x\n", label, make([]byte, 32), secret); err != nil {
				t.Fatal(err)
			}
		}
		for _, w := range tt.writes {
			p.sent(bytes.Clone(w))
		}
		if p.odd != tt.odd || !tt.odd && p.application.Opened() != tt.sent {
			t.Errorf("%s: odd %v, want %v", tt.name, p.odd, tt.odd)
		}
	}
}

func TestOddKeyLogs(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("ab", 32)
	lines := func(of ...string) (out []string) {
		for _, label := range of {
			out = append(out, label+" "+strings.Repeat("00", 32)+" "+secret+"\n")
		}
		return out
	}
	whole := lines("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0")
	for _, tt := range []struct {
		name  string
		lines []string
		want  bool
	}{
		{"whole", whole, true},
		{"with a line that is not known", append(lines("EXPORTER_SECRET"), whole...), true},
		{"without one", whole[:3], false},
		{"one twice", append(whole[:4:4], whole[3]), false},
		{"a short secret", append(whole[:3:3], "SERVER_TRAFFIC_SECRET_0 00 abab\n"), false},
		{"a long secret", append(whole[:3:3], "SERVER_TRAFFIC_SECRET_0 00 "+strings.Repeat("ab", 49)+"\n"), false},
		{"no secret", append(whole[:3:3], "SERVER_TRAFFIC_SECRET_0\n"), false},
		{"not hexadecimal", append(whole[:3:3], "SERVER_TRAFFIC_SECRET_0 00 "+strings.Repeat("xy", 32)+"\n"), false},
	} {
		var k keyLog
		for _, line := range tt.lines {
			if n, err := io.WriteString(&k, line); n != len(line) || err != nil {
				t.Errorf("%s: %d, %v: the handshake would fail", tt.name, n, err)
			}
		}
		if got := k.isComplete(32); got != tt.want {
			t.Errorf("%s: complete %v, want %v", tt.name, got, tt.want)
		}
		if k.clear(); k != (keyLog{}) {
			t.Errorf("%s: something is left", tt.name)
		}
	}
}

// What a client sends with its Finished is left to whoever reads next.
func TestDataBehindFinishedIsNotLost(t *testing.T) {
	t.Parallel()
	for _, w := range []way{byCrypto, handedOver} {
		// All that the client sends arrives in one piece, from its first answer on.
		held := false
		hold := func(at int) int {
			if at == 0 {
				return 1 << 20
			}
			if !held {
				held = true
				return 0
			}
			return 1 << 20
		}
		sc := scenario{
			config: serverConfig(tls.VersionTLS13), way: w, says: greeting,
			client: visitor(clientConfig(tls.VersionTLS13), bytes.Join(greeting, nil), strings.Repeat("x", 5000), "and on"),
		}
		o := sc.stepped(t, script{reads: hold})
		if want := strings.Repeat("x", 5000) + "and on"; o.client != nil || string(o.plain) != want || w == handedOver && o.keeper != HandedOver {
			t.Errorf("%s: %s, client %v, %d bytes", w, o.keeper, o.client, len(o.plain))
		}
	}
}

// Keys change every three records, in both directions, while the socket takes what it likes.
func TestForcedKeyUpdates(t *testing.T) {
	t.Parallel()
	var says [][]byte
	var want []byte
	for i := range 60 {
		event := fmt.Appendf(nil, "id: e-%d\ndata: %s\n\n", i, strings.Repeat("x", i*i))
		says, want = append(says, event), append(want, event...)
	}
	for _, writes := range [][]int{{1 << 20}, {7, 0, 100}, {0, 1000}} {
		l, stop := scenario{client: visitor(everyday(tls.VersionTLS13), want, "hello")}.start()
		ready := make(chan struct{}, 1)
		c := handedOver.newConn(&steppedEnd{l: l, script: script{writes: cycle(writes...)}}, serverConfig(tls.VersionTLS13))
		l.onEvent(func() {
			c.Wake()
			select {
			case ready <- struct{}{}:
			default:
			}
		})
		done := make(chan error, 1)
		c.Start(nil, func(err error) { done <- err })
		o := outcome{handshake: receive(t, done)}
		r := recordsThatRekey(3)
		if o.keeper = c.HandOver(r); o.keeper != HandedOver {
			t.Fatal(o.keeper)
		}
		o.converse(t, c, says, ready)
		l.onEvent(nil)
		if err := stop(); err != nil || string(o.plain) != "hello" {
			t.Errorf("writes of %v: client %v, server got %q", writes, err, o.plain)
		}
		c.Release()
	}
}

func TestAnIdleConnectionIsItsKeys(t *testing.T) {
	t.Parallel()
	c, e, h := connected(t, tls.VersionTLS13, handedOver)
	h.send(typeData, noise(10_000)) // more than is read at a time
	for range 3 {
		if _, err := readAll(c); !errors.Is(err, errBlocked) {
			t.Fatal(err)
		}
		if c.busy != nil {
			t.Errorf("idle, it holds %+v", c.busy)
		}
		e.stuck.Store(true)
		if err := c.Seal([]byte("event")); err != nil || c.busy == nil {
			t.Fatalf("stuck: %v, %v", err, c.busy)
		}
		e.stuck.Store(false)
		if want, err := c.Flush(); want || err != nil {
			t.Fatal(want, err)
		}
	}
}

func TestT38HandOverAfterUsePanics(t *testing.T) {
	t.Parallel()
	c, _, _ := shaken(t, tls.VersionTLS13, handedOver)
	if err := c.Seal([]byte("x")); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a connection was handed over whose keys crypto/tls has used: a nonce would repeat")
		}
	}()
	c.HandOver(newRecords())
}
