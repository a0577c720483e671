package threats

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// TestT1HalfHellos: thousands of connections never finish a ClientHello; some send a byte at a
// time.
func TestT1HalfHellos(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--limits-exempt", "none", "--limits-handshake-timeout", "3s", "--log-level", "normal")
	h := newGoodStreams(d)
	hello := harness.ClientHello(t, d.CA.ClientConfig())
	a := newAttacker(t, d.HTTPS)
	from := func(i int) string { return fmt.Sprintf("127.1.0.%d", 1+i%4) }
	var slowest time.Duration
	var held []net.Conn
	h.during(4*time.Second, func(ctx context.Context) {
		held = a.many(t.Context(), 900, from, func(c net.Conn) error {
			_, err := c.Write(hello[:len(hello)/2])
			return err
		})
		dripping := a.many(t.Context(), 40, from, nil)
		writers := make([]io.Writer, len(dripping))
		for i, c := range dripping {
			writers[i] = c
		}
		held = append(held, dripping...)
		dripped := make(chan struct{})
		go func() {
			defer close(dripped)
			drip(ctx, writers, hello, 200*time.Millisecond)
		}()
		for i := range 10 {
			slowest = max(slowest, openFromNewAddress(d, fmt.Sprintf("127.1.1.%d", 1+i)))
		}
		<-dripped
	})
	a.allEnd(held)
	l := d.Limits()
	t.Logf("%d of 940 connections held for a while; the slowest of 10 good new clients took %s; offences %v, refused %v",
		len(held), slowest, l.Penalties.Violations, l.Refused)
	if len(held) < 100 || l.Penalties.Violations["handshake_timeout"] < 12 {
		t.Errorf("%d were held and %d timed out: this was no attack", len(held), l.Penalties.Violations["handshake_timeout"])
	}
	for i := range 4 {
		if network := from(i) + "/32"; !l.Penalized(network) {
			t.Errorf("%s is not kept out: %+v", network, l.Penalties)
		}
	}
	c, err := a.dial(t.Context(), from(0))
	if err == nil && !isReset(c) {
		t.Error("an attacker that is kept out gets in")
	}
	h.finish()
}

// TestT3HandshakeFlood: whole ClientHellos from thousands of addresses, each of which costs the daemon a signature and
// its sender nothing.
func TestT3HandshakeFlood(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--limits-exempt", "none", "--log-level", "normal")
	h := newGoodStreams(d)
	hello := harness.ClientHello(t, d.CA.ClientConfig())
	var sent, answered atomic.Int64
	var slowest time.Duration
	h.during(3*time.Second, func(ctx context.Context) {
		flooders := make(chan struct{})
		for n := range 8 {
			go func() {
				defer func() { flooders <- struct{}{} }()
				buf := make([]byte, 1024)
				for i := n; ctx.Err() == nil; i += 8 {
					c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 3, byte(i>>8), byte(i))}}).DialContext(ctx, "tcp", d.HTTPS)
					if err != nil {
						continue
					}
					sent.Add(1)
					_, _ = c.Write(hello)
					if err := c.SetReadDeadline(time.Now().Add(harness.Patience)); err == nil {
						if k, _ := c.Read(buf); k > 0 {
							answered.Add(1)
						}
					}
					_ = c.(*net.TCPConn).SetLinger(0)
					c.Close()
				}
			}()
		}
		for i := range 10 {
			slowest = max(slowest, openFromNewAddress(d, fmt.Sprintf("127.2.1.%d", 1+i)))
		}
		for range 8 {
			<-flooders
		}
	})
	l := d.Limits()
	t.Logf("%d handshakes begun, %d answered; the slowest of 10 good new clients took %s; offences %v",
		sent.Load(), answered.Load(), slowest, l.Penalties.Violations)
	if answered.Load() < 50 {
		t.Errorf("only %d handshakes: this was no flood", answered.Load())
	}
	h.finish()
}

// TestT3HandshakeFloodOfOne: the same from one address, which soon gets no more handshakes.
func TestT3HandshakeFloodOfOne(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--limits-exempt", "none", "--log-level", "normal")
	h := newGoodStreams(d)
	hello := harness.ClientHello(t, d.CA.ClientConfig())
	a := newAttacker(t, d.HTTPS)
	began := time.Now()
	h.during(time.Second, func(context.Context) {
		for d.Limits().Refused["penalized"] == 0 && time.Since(began) < harness.Patience {
			for _, c := range a.many(t.Context(), 40, func(int) string { return "127.3.0.1" }, func(c net.Conn) error {
				_, err := c.Write(hello)
				return err
			}) {
				if c.SetReadDeadline(time.Now().Add(harness.Patience)) == nil {
					_, _ = c.Read(make([]byte, 1024))
				}
				c.Close()
			}
		}
	})
	harness.Eventually(t, "the flooder is kept out", func() bool { return d.Limits().Penalized("127.3.0.1/32") })
	c, err := a.dial(t.Context(), "127.3.0.1")
	if err == nil && !isReset(c) {
		t.Error("the flooder gets in")
	}
	openFromNewAddress(d, "127.3.0.2")
	l := d.Limits()
	t.Logf("offences %v, refused %v", l.Penalties.Violations, l.Refused)
	h.finish()
}

// TestT4ConnectionFlood: one address opens and holds thousands of connections.
func TestT4ConnectionFlood(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--limits-exempt", "none", "--limits-handshake-burst", "100000", "--limits-handshake-timeout", "60s",
		"--log-level", "normal")
	h := newGoodStreams(d)
	a := newAttacker(t, d.HTTPS)
	const flooder = "127.4.0.1"
	var slowest time.Duration
	h.during(2*time.Second, func(context.Context) {
		a.many(t.Context(), 2000, func(int) string { return flooder }, nil)
		for i := range 10 {
			slowest = max(slowest, openFromNewAddress(d, fmt.Sprintf("127.4.1.%d", 1+i)))
		}
		l := d.Limits()
		for _, u := range l.Limits {
			if u.Key != "limits.connections_per_address" {
				continue
			}
			// Deferred clients come on top: an eighth of the bound.
			if u.Of != flooder+"/32" || u.Used < u.Limit || u.Used > u.Limit+u.Limit/8 {
				t.Errorf("%s holds %d of %d; want the flooder to hold all it may", u.Of, u.Used, u.Limit)
			}
		}
		if l.Refused["connections_per_address"] < 1000 {
			t.Errorf("refused %v: this was no flood", l.Refused)
		}
	})
	t.Logf("the slowest of 10 good new clients took %s; refused %v", slowest, d.Limits().Refused)
	h.finish()
}
