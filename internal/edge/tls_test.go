package edge

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/edge/transport"
)

// testTLS is a server configuration and the client's half of it.
func testTLS(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	server = &tls.Config{
		Certificates:                []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		MinVersion:                  tls.VersionTLS12,
		DynamicRecordSizingDisabled: true,
	}
	server.SetSessionTicketKeys([][32]byte{{1, 2, 3}})
	return server, &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

// tlsClient is a blocking TLS client on a goroutine of its own, while the test turns the loops.
func (w *testServer) tlsDo(what func() error) {
	w.t.Helper()
	w.do(func(context.Context) error { return what() })
}

// A client without TCP_NODELAY sends its request when the end of its handshake has been acknowledged.
func TestTheEndOfAHandshakeIsAcknowledged(t *testing.T) {
	server, config := testTLS(t)
	w := newTestServer(t, func(s *setup) { s.tls = server })
	c := w.connect()
	conn := tls.Client(c.Conn(), config)
	w.tlsDo(conn.Handshake)
	w.waitFor("the acknowledgement", func() bool { return c.Acks() == 1 })
}

func TestStreamOverTLS(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			server, config := testTLS(t)
			config.MaxVersion = version
			w := newTestServer(t, func(s *setup) { s.tls = server; s.edge.HSTS = "max-age=1" })
			c := w.connect()
			conn := tls.Client(c.Conn(), config)
			var body *bufio.Reader
			w.tlsDo(func() error {
				if _, err := io.WriteString(conn, "GET /sse?subscribe=a&id=x HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
					return err
				}
				res, err := http.ReadResponse(bufio.NewReader(conn), nil) //nolint:bodyclose // read to its end below
				if err != nil {
					return err
				}
				if got := res.Header.Get("Strict-Transport-Security"); got != "max-age=1" {
					t.Errorf("HSTS is %q", got)
				}
				body = bufio.NewReader(res.Body)
				return wantLines(body, "retry: ", "id: e-0", "")
			})
			w.enqueue("a", strings.Repeat("x", 50_000)) // several records
			w.tlsDo(func() error { return wantLines(body, "id: e-1", "data: "+strings.Repeat("x", 50_000), "") })

			var info []ClientInfo
			w.do(func(ctx context.Context) (err error) {
				list, err := w.srv.Clients(ctx, ClientPage{Filter: ClientFilter{ID: "x"}, Limit: 10})
				info = list.Clients
				return err
			})
			if len(info) != 1 || info[0].Version != version || info[0].Cipher == 0 || info[0].Sent != 1 {
				t.Errorf("clients: %+v", info)
			}
			w.do(func(ctx context.Context) error {
				_, err := w.srv.Kick(ctx, Selection{All: true}, 0)
				return err
			})
			w.tlsDo(func() error {
				if err := wantLines(body, "retry: ", ""); err != nil {
					return err
				}
				if _, err := body.ReadByte(); !errors.Is(err, io.EOF) { // the last chunk
					t.Errorf("after the end of the response: %v", err)
				}
				if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) { // close_notify, not a cut
					t.Errorf("after the end of the connection: %v", err)
				}
				return conn.Close()
			})
			w.turn()
			w.check()
			if st := w.stats(); st.Closed["kicked"] != 1 {
				t.Errorf("closed: %v", st.Closed)
			}
		})
	}
}

// wantLines reads lines that begin as told; an empty one is empty.
func wantLines(r *bufio.Reader, prefixes ...string) error {
	for _, want := range prefixes {
		got, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if got = strings.TrimSuffix(got, "\n"); !strings.HasPrefix(got, want) || want == "" && got != "" {
			return &unexpectedLine{got, want}
		}
	}
	return nil
}

type unexpectedLine struct{ got, want string }

func (e *unexpectedLine) Error() string {
	return "got line " + e.got[:min(len(e.got), 100)] + ", want " + e.want[:min(len(e.want), 100)]
}

var halfHello = []byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01}

func TestStalledHandshakesEndAtTheirDeadline(t *testing.T) {
	server, _ := testTLS(t)
	w := newTestServer(t, func(s *setup) { s.tls = server })
	clients := []*client{w.connect(), w.connect()} // one says half a word, the other nothing
	clients[0].Send(halfHello)
	w.advance(9 * time.Second)
	if st := w.stats(); st.Connections != 2 {
		t.Errorf("%d connections before the deadline", st.Connections)
	}
	w.advance(2 * time.Second)
	w.waitFor("the stalled handshakes to end", func() bool { return w.stats().Connections == 0 })
	for _, c := range clients {
		c.wantGone()
	}
	if st := w.stats(); st.Closed["handshake_timeout"] != 2 {
		t.Errorf("closed: %v", st.Closed)
	}
	w.check()
}

// evictAfter is how long a handshake may last when others of its network wait for its place; see
// admission.
const evictAfter = time.Second

func TestStalledHandshakesKeepNobodyOut(t *testing.T) {
	server, config := testTLS(t)
	w := newTestServer(t, func(s *setup) { s.tls = server; s.edge.Handshakes = 2 })
	for range 6 { // two of them get a goroutine, the others wait for one
		w.connect().Send(halfHello)
		w.turn()
	}
	good := tls.Client(w.connect().Conn(), config)
	done := make(chan error, 1)
	go func() { done <- good.Handshake() }()
	w.turn()
	w.advance(evictAfter / 2)
	if n := w.stats().Closed["handshake_evicted"]; n != 0 {
		t.Errorf("%d handshakes were ended before they had a fair time", n)
	}
	for _, evicted := range []uint64{2, 4, 5} { // two at a time, and the last only for the good one
		w.advance(evictAfter)
		w.waitFor("handshakes to lose their places", func() bool { return w.stats().Closed["handshake_evicted"] == evicted })
	}
	w.do(func(context.Context) error { return <-done })
	w.check()
}

func TestAQueuedPeerThatLeavesIsNotKept(t *testing.T) {
	server, _ := testTLS(t)
	w := newTestServer(t, func(s *setup) { s.tls = server; s.edge.Handshakes = 1 })
	w.connect().Send(halfHello)
	w.turn()
	c := w.connect()
	c.Send(halfHello)
	w.turn()
	c.Close()
	w.turn()
	c.wantGone()
	w.check()
}

// waitFor turns the loops until other goroutines have brought something about.
func (w *testServer) waitFor(what string, done func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			w.t.Fatal("waited in vain for " + what)
		}
		w.turn()
	}
}

func TestPlainHTTPOnTheTLSPortIsToldSo(t *testing.T) {
	server, _ := testTLS(t)
	w := newTestServer(t, func(s *setup) { s.tls = server })
	c := w.connect()
	c.get("/sse?subscribe=a")
	w.waitFor("the server's end", c.Ended)
	c.want(`HTTP/1\.0 400 Bad Request\r\n(.+\r\n)*\r\n.*https://.*\n`)
	c.wantEnd()
	if st := w.stats(); st.Closed["wrong_protocol"] != 1 {
		t.Errorf("closed: %v", st.Closed)
	}
}

func TestGarbageOnTheTLSPortClosesOneConnection(t *testing.T) {
	server, config := testTLS(t)
	w := newTestServer(t, func(s *setup) { s.tls = server })
	c := w.connect()
	garbage := make([]byte, 12<<10)
	_, _ = rand.Read(garbage)
	c.Send(garbage)
	w.waitFor("the server's end", c.Ended)
	w.advance(transport.LingerTime + time.Second)
	c.wantGone()
	good := tls.Client(w.connect().Conn(), config)
	w.tlsDo(good.Handshake)
	w.check()
}

func TestDrainEndsHandshakesToo(t *testing.T) {
	server, _ := testTLS(t)
	w := newTestServer(t, func(s *setup) { s.tls = server })
	c := w.connect()
	c.Send([]byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01})
	w.turn()
	w.do(func(ctx context.Context) error {
		_, _, err := w.srv.Drain(ctx, DrainPlan{Window: 0})
		return err
	})
	w.advance(time.Second)
	w.waitFor("the drain to end", func() bool {
		select {
		case <-w.srv.Drained():
			return true
		default:
			return false
		}
	})
	c.wantGone()
	if st := w.stats(); st.Closed["drained"] != 1 {
		t.Errorf("closed: %v", st.Closed)
	}
}

func TestARequestForAHostOfAnotherCertificateIsMisdirected(t *testing.T) {
	server, config := testTLS(t)
	type question struct{ serverName, host string }
	asked := make(chan question, 10)
	w := newTestServer(t, func(s *setup) {
		s.tls, s.reinit = server, true
		s.serves = func(serverName, host string) bool {
			asked <- question{serverName, host}
			return !strings.HasPrefix(host, "other.example")
		}
	})
	send := func(conn *tls.Conn, target, host string) *http.Response {
		t.Helper()
		var res *http.Response
		w.tlsDo(func() (err error) {
			if _, err = io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: "+host+"\r\n\r\n"); err != nil {
				return err
			}
			res, err = http.ReadResponse(bufio.NewReader(conn), nil) //nolint:bodyclose // the connection is not needed afterwards
			return err
		})
		return res
	}
	for _, tt := range []struct {
		target, host string
		status       int
		want         question
	}{
		{"/sse?subscribe=a", "localhost:8443", 200, question{"localhost", "localhost:8443"}},
		{"/sse?subscribe=a", "other.example", 421, question{"localhost", "other.example"}},
		{"/sse", "other.example:1", 421, question{"localhost", "other.example:1"}}, // before anything else is said
		{"https://other.example/sse?subscribe=a", "localhost", 421, question{"localhost", "other.example"}},
	} {
		conn := tls.Client(w.connect().Conn(), config)
		res := send(conn, tt.target, tt.host)
		if got := <-asked; res.StatusCode != tt.status || got != tt.want {
			t.Errorf("%s for %s: status %d, asked %+v; want %d, %+v", tt.target, tt.host, res.StatusCode, got, tt.status, tt.want)
		}
		if tt.status == 421 {
			w.tlsDo(func() error {
				body, err := io.ReadAll(res.Body)
				if err == nil && !strings.Contains(string(body), `"code":"misdirected_request"`) {
					t.Errorf("the answer is %s", body)
				}
				return err
			})
		}
	}

	again := tls.Client(w.connect().Conn(), config)
	if res := send(again, "/sse?subscribe=a", "localhost"); res.StatusCode != 200 { //nolint:bodyclose // the second answer follows the first
		t.Errorf("status %d", res.StatusCode)
	}
	w.tlsDo(func() error {
		_, err := io.WriteString(again, "GET /sse?subscribe=b HTTP/1.1\r\nHost: other.example\r\n\r\n")
		if err != nil {
			return err
		}
		text, err := io.ReadAll(again)
		if !strings.Contains(string(text), "HTTP/1.1 421 ") {
			t.Errorf("a second request on the stream got %q", text)
		}
		return err
	})
	w.turn()
	w.check()
	if st := w.stats(); st.Refused["misdirected"] != 4 {
		t.Errorf("refused: %v", st.Refused)
	}
}

func TestPlaintextHasNoCertificateToBelongTo(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.serves = func(string, string) bool { return false } })
	w.subscribe("subscribe=a")
}

func TestAHandshakeForAnotherProtocolIsAllThereIs(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server, config := testTLS(t)
		server.NextProtos = []string{"http/1.1", "acme-tls/1"}
		config.NextProtos, config.MaxVersion = []string{"acme-tls/1"}, version
		w := newTestServer(t, func(s *setup) { s.tls = server })
		conn := tls.Client(w.connect().Conn(), config)
		w.tlsDo(func() error {
			if err := conn.Handshake(); err != nil {
				return err
			}
			// Whatever is asked now, nothing is answered.
			if _, err := io.WriteString(conn, "GET /sse?subscribe=a HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
				return err
			}
			text, err := io.ReadAll(conn)
			if len(text) > 0 {
				t.Errorf("%s: got %q", tls.VersionName(version), text)
			}
			return errors.Join(err, conn.Close())
		})
		w.turn()
		w.check()
		if st := w.stats(); st.Closed["answered"] != 1 || st.Streams != 0 {
			t.Errorf("%s: closed %v, %d streams", tls.VersionName(version), st.Closed, st.Streams)
		}
	}
}
