package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/edge/http1"
	"github.com/hassesd/hassesd/internal/edge/http1/http1test"
)

const (
	attacker = "203.0.113.66"
	other    = "192.0.2.1"
)

func (w *testServer) limits() LimitsInfo {
	w.t.Helper()
	w.turn()
	return w.srv.Limits(w.kernel.Now(), 10)
}

// wantReset says that a connection was refused at accept.
func (c *client) wantReset() {
	c.w.t.Helper()
	c.w.turn()
	if closed, reset := c.Closed(); !closed || !reset {
		c.w.t.Fatalf("closed %v, by a reset %v; want it refused at accept", closed, reset)
	}
}

// wantStay says that a connection was let in.
func (c *client) wantStay() {
	c.w.t.Helper()
	c.w.turn()
	if closed, _ := c.Closed(); closed {
		c.w.t.Fatal("the connection was refused")
	}
}

// shake does a whole handshake.
func (w *testServer) shake(addr string, config *tls.Config) (*client, *tls.Conn) {
	w.t.Helper()
	c := w.connectFrom(addr)
	conn := tls.Client(c.Conn(), config)
	w.tlsDo(conn.Handshake)
	return c, conn
}

// waitForHandshakes waits until none is under way any more.
func (w *testServer) waitForHandshakes() {
	w.t.Helper()
	w.waitFor("the handshakes to end", func() bool { return w.limits().Handshakes == 0 })
}

func TestOffencesKeepANetworkOut(t *testing.T) {
	server, config := testTLS(t)
	r := &recorder{}
	_ = tls.Client(r, config).Handshake() // in vain: nobody answers
	hello := r.got.Bytes()
	for _, tt := range []struct {
		name      string
		violation admission.Violation
		times     int // to be kept out
		do        func(w *testServer)
	}{
		{"says nothing", admission.HandshakeTimeout, 3, func(w *testServer) {
			w.connectFrom(attacker)
		}},
		{"half a hello", admission.HandshakeTimeout, 3, func(w *testServer) {
			w.connectFrom(attacker).Send(halfHello)
		}},
		{"a hello and the end", admission.HandshakeFailed, 30, func(w *testServer) {
			c := w.connectFrom(attacker)
			c.Send(hello)
			w.waitFor("the server's hello", func() bool {
				closed, _ := c.Closed() // at the door, once the one before has tipped the scales
				return closed || c.received() != ""
			})
			c.CloseWrite() // it has cost us a signature
		}},
		{"garbage", admission.ProtocolBroken, 6, func(w *testServer) {
			c := w.connectFrom(attacker)
			c.Send(bytes.Repeat([]byte{0xff}, 100))
		}},
		{"a record that is none of a handshake", admission.ProtocolBroken, 6, func(w *testServer) {
			c := w.connectFrom(attacker)
			c.Send([]byte{0x17, 0x03, 0x01, 0x00, 0x02, 1, 2})
		}},
		{"half a request", admission.RequestTimeout, 3, func(w *testServer) {
			_, conn := w.shake(attacker, config)
			w.tlsDo(func() error {
				_, err := io.WriteString(conn, "GET /sse HTTP/1.1\r\n")
				return err
			})
			w.waitForHandshakes() // or its time would begin later
		}},
		{"a malformed request", admission.ProtocolBroken, 6, func(w *testServer) {
			c, conn := w.shake(attacker, config)
			w.tlsDo(func() error {
				_, err := io.WriteString(conn, "GET /sse HTTP/1.1\r\n bad: x\r\n\r\n")
				return err
			})
			w.waitFor("the answer", c.Ended)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newTestServer(t, func(s *setup) {
				s.tls = server
				s.edge.Admission = admission.Limits{Penalties: admission.PenaltiesOn}
			})
			first := true
			counted := func() int { return int(w.limits().Admission.Violations[tt.violation.String()]) }
			for want := 1; counted() < tt.times+2 && want < 200; want++ {
				for range 4 {
					if w.limits().Admission.Imposed == 0 { // the next one would be refused
						tt.do(w)
					}
				}
				w.turn()
				if first && tt.violation != admission.HandshakeTimeout && tt.violation != admission.RequestTimeout {
					w.waitFor("the violation to be counted", func() bool { return counted() > 0 })
				}
				first = false
				if tt.violation == admission.HandshakeTimeout || tt.violation == admission.RequestTimeout {
					w.advance(11 * time.Second)
				}
				if w.limits().Admission.Imposed > 0 {
					break
				}
				w.advance(10 * time.Millisecond)
			}
			w.waitFor("a penalty", func() bool { return w.limits().Admission.Imposed == 1 })
			w.waitForHandshakes() // each of which may add to it
			if n := counted(); n < tt.times {
				t.Errorf("kept out after %d violations, want %d", n, tt.times)
			}
			w.connectFrom(attacker).wantReset()
			w.connectFrom(other).wantStay()
			info := w.limits()
			if info.Refused["penalized"] == 0 || len(info.Admission.Penalized) != 1 || info.Admission.Penalized[0].Network.String() != attacker+"/32" {
				t.Errorf("refused %v, penalized %v", info.Refused, info.Admission.Penalized)
			}
			w.advance(info.Admission.Penalized[0].Left)
			w.connectFrom(attacker).wantStay()
		})
	}
}

func TestHonestMisfortuneIsNoOffence(t *testing.T) {
	server, config := testTLS(t)
	w := newTestServer(t, func(s *setup) {
		s.tls = server
		s.edge.Admission = admission.Limits{Penalties: admission.PenaltiesOn}
	})
	for range 40 {
		w.connectFrom(other).Close() // a probe
		w.turn()
	}
	for range 10 {
		w.shake(other, config) // a browser that connects ahead of time, and asks for nothing
	}
	w.waitForHandshakes() // whose clients know before the server that they have ended
	w.advance(11 * time.Second)
	w.waitFor("the idle ones to end", func() bool { return w.stats().Connections == 0 })
	for violation, n := range w.limits().Admission.Violations {
		if n > 0 {
			t.Errorf("%s was counted %d times", violation, n)
		}
	}
}

func TestWhomWeKeepWaitingIsNoOffender(t *testing.T) {
	server, config := testTLS(t)
	slow := server.Clone()
	cert := slow.Certificates[0]
	slow.Certificates = nil
	entered, leave := make(chan struct{}, 1), make(chan struct{})
	slow.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		entered <- struct{}{}
		<-leave
		return &cert, nil
	}
	w := newTestServer(t, func(s *setup) {
		s.tls = slow
		s.edge.Admission = admission.Limits{Penalties: admission.PenaltiesOn}
	})
	conn := tls.Client(w.connectFrom(other).Conn(), config)
	done := make(chan error, 1)
	go func() { done <- conn.Handshake() }()
	w.waitFor("the hello", func() bool { return len(entered) > 0 })
	w.advance(11 * time.Second)
	close(leave)
	w.waitFor("the handshake to be given up", func() bool { return w.stats().Closed["handshake_timeout"] == 1 })
	if n := w.limits().Admission.Violations[admission.HandshakeTimeout.String()]; n != 0 {
		t.Error("the client is blamed for a handshake that it was waiting for")
	}
	w.do(func(context.Context) error {
		if err := <-done; err != nil { // well or not, as the client may have had all it needs
			t.Log("the client ended with", err)
		}
		return nil
	})
}

func TestHandshakesOverTheRateAreReset(t *testing.T) {
	server, config := testTLS(t)
	w := newTestServer(t, func(s *setup) {
		s.tls = server
		s.edge.Admission = admission.Limits{Rate: 1, Burst: 2}
	})
	w.shake(attacker, config)
	w.shake(attacker, config)
	w.connectFrom(attacker).wantReset()
	w.shake(other, config)
	w.advance(time.Second)
	w.shake(attacker, config)
	if n := w.stats().Refused["handshake_rate"]; n != 1 {
		t.Errorf("refused %d by the rate, want 1", n)
	}
}

func TestAnAuthorityComesInOverTheRate(t *testing.T) {
	server, config := testTLS(t)
	server.NextProtos = []string{"http/1.1", protoChallenge} // an order is pending
	w := newTestServer(t, func(s *setup) {
		s.tls = server
		s.edge.Admission = admission.Limits{Rate: 1, Burst: 1}
	})
	w.shake(attacker, config)
	authority := config.Clone()
	authority.NextProtos = []string{protoChallenge}
	w.shake(attacker, authority)
	if n := w.stats().Refused["handshake_rate"]; n != 0 {
		t.Errorf("the authority counts as %d refusals", n)
	}
	// Whoever else gets in this way is turned away.
	_, conn := w.shake(attacker, config)
	w.tlsDo(func() error {
		if _, err := io.WriteString(conn, "GET /sse?subscribe=a HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			return err
		}
		text, err := io.ReadAll(conn)
		if !strings.HasPrefix(string(text), "HTTP/1.1 200 ") || !strings.HasSuffix(string(text), "0\r\n\r\n") || !strings.Contains(string(text), "retry: ") {
			t.Errorf("got %q", text)
		}
		return errors.Join(err, conn.Close())
	})
	w.turn()
	if n := w.stats().Refused["handshake_rate"]; n != 1 {
		t.Errorf("refused %d by the rate, want 1", n)
	}
}

func TestAGoodClientTakesThePlaceOfAFlood(t *testing.T) {
	server, config := testTLS(t)
	w := newTestServer(t, func(s *setup) { s.tls, s.edge.Handshakes = server, 4 })
	for range 50 {
		w.connectFrom(attacker).Send(halfHello)
		w.turn()
	}
	if info := w.limits(); info.Handshakes != 4 || info.HandshakesWaiting != 46 || info.MostHandshakes != 4 || info.MostHandshakesOf.String() != attacker+"/32" {
		t.Errorf("%d in flight, %d wait, most %d by %s", info.Handshakes, info.HandshakesWaiting, info.MostHandshakes, info.MostHandshakesOf)
	}
	w.advance(500 * time.Millisecond)
	conn := tls.Client(w.connectFrom(other).Conn(), config)
	began := w.kernel.Now()
	w.tlsDo(conn.Handshake)
	if took := w.kernel.Now().Sub(began); took > 0 {
		t.Errorf("the good client waited %s", took)
	}
	w.check()
}

func TestANetworkHasItsShareOfHandshakes(t *testing.T) {
	server, config := testTLS(t)
	w := newTestServer(t, func(s *setup) {
		s.tls, s.edge.Handshakes = server, 100
		s.edge.Admission = admission.Limits{Handshakes: 3}
	})
	for range 10 {
		w.connectFrom(attacker).Send(halfHello)
		w.turn()
	}
	if info := w.limits(); info.Handshakes != 3 || info.HandshakesWaiting != 7 {
		t.Errorf("%d in flight, %d wait", info.Handshakes, info.HandshakesWaiting)
	}
	w.shake(other, config)
	w.advance(11 * time.Second)
	w.waitFor("the flood to end", func() bool { return w.limits().Handshakes == 0 })
	w.check()
}

func TestAReloadChangesTheLimitsAndKeepsTheCounts(t *testing.T) {
	server, _ := testTLS(t)
	w := newTestServer(t, func(s *setup) {
		s.tls = server
		s.edge.Admission = admission.Limits{Penalties: admission.PenaltiesDryRun, Connections: 1}
	})
	w.connectFrom(other)
	w.turn()
	w.connectFrom(other)
	for range 3 {
		w.connectFrom(attacker)
		w.turn()
	}
	w.advance(11 * time.Second)
	w.connectFrom(attacker).wantStay()
	if info := w.limits(); info.Admission.DryRun != 1 || info.Refused["connections_per_address"] == 0 {
		t.Errorf("dry run %d, refused %v", info.Admission.DryRun, info.Refused)
	}
	before := w.limits().Refused["connections_per_address"]
	config := w.srv.config().Config
	config.Admission = admission.Limits{Penalties: admission.PenaltiesOn, Connections: 2}
	w.srv.Reconfigure(w.kernel.Now(), config)
	w.turn()
	w.connectFrom(attacker).wantReset()
	for range 2 {
		w.connectFrom(other).wantStay()
	}
	info := w.limits()
	if info.Refused["connections_per_address"] != before || info.Admission.DryRun != 1 || info.Admission.Limits.Connections != 2 {
		t.Errorf("after the reload: %+v", info)
	}
}

func TestFarOverTheBoundOfAnAddressIsReset(t *testing.T) {
	w := newTestServer(t, func(s *setup) { s.edge.Admission = admission.Limits{Connections: 2} })
	for range 6 {
		w.connectFrom(attacker).wantStay()
	}
	for range 10 {
		w.connectFrom(attacker).wantReset()
	}
	w.subscribe("subscribe=a") // from another address
	if n := w.stats().Refused["connections_per_address"]; n != 14 {
		t.Errorf("refused %d, want 14", n)
	}
}

// TestT7MalformedHeads lets every malformed head of the table arrive over a connection, whole and
// in drops: each gets one answer and the end.
func TestT7MalformedHeads(t *testing.T) {
	heads := 0
	for _, tt := range http1test.BadHeads {
		if !isOneHead(tt.Head) {
			continue // not one head on the wire
		}
		heads++
		for _, piece := range []int{len(tt.Head), 1, 5} {
			w := newTestServer(t, nil)
			c := w.connect()
			for rest := tt.Head; rest != ""; rest = rest[min(piece, len(rest)):] {
				c.Send([]byte(rest[:min(piece, len(rest))]))
				if piece > 1 {
					w.turn()
				}
			}
			w.turn()
			got := c.received()
			c.got.Reset()
			if !strings.HasPrefix(got, "HTTP/1.1 "+strconv.Itoa(tt.Status)+" ") || strings.Count(got, "Content-Type: ") != 1 {
				t.Errorf("%s in pieces of %d: got %q", tt.Name, piece, got)
			}
			c.wantEnd()
			w.check()
		}
	}
	if heads < 60 {
		t.Errorf("only %d heads of the table arrived", heads)
	}
}

// isOneHead reports whether text is one head on the wire, with nothing before or behind it.
func isOneHead(text string) bool {
	var c http1.Conn
	ev, rest := c.Receive([]byte(text), http1.Limits{RequestBytes: 8 << 10})
	return ev.Kind != http1.EventNone && len(rest) == 0 && !strings.HasPrefix(text, "\r\n")
}
