package server_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/admin/server"
	"github.com/hassesd/hassesd/internal/admission"
)

// Clients that stall in the handshake take no slots from clients with a role, however many they
// are.
func TestT27ClientsWithoutARoleTakeNoSlots(t *testing.T) {
	d := openTLSServer(t, 3)
	silent := []*peer{connect(t, "tcp", d.addr), connect(t, "tcp", d.addr), connect(t, "tcp", d.addr)}
	var friends []*client.Conn
	for range 3 {
		c := d.dial(t, d.root)
		if _, err := c.Hello(t.Context()); err != nil {
			t.Fatal(err)
		}
		friends = append(friends, c)
	}
	for _, c := range friends {
		if _, err := c.Hello(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for _, p := range silent { // their time is not over
		_ = p.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := p.r.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a connection that nobody wants the room of: %v", err)
		}
	}
}

// An address has its share of those without a role; what is over it is refused, and takes nothing
// from a slow handshake of another address.
func TestT27OneAddressHasItsShare(t *testing.T) {
	d := openTLSServer(t, 8) // room for 32, of which one address has 4
	slow := connectFrom(t, "127.0.0.2", d.addr)
	hello, rest := firstFlight(t, d.Config(d.root))
	slow.send(hello)
	var silent []net.Conn
	for range 50 {
		if c, err := dialFrom(t, "127.0.0.3", d.addr); err == nil { // it may be reset before it knows that it was accepted
			silent = append(silent, c)
		}
	}
	d.wantRefused(t, 46, api.RefusedConnections)
	slow.send(rest)
	if b, err := slow.r.ReadByte(); err != nil || b != 22 {
		t.Errorf("a slow handshake got %d, %v, want the daemon's", b, err)
	}
	open := 0
	for _, c := range silent {
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			open++
		}
	}
	if open != 4 {
		t.Errorf("%d silent connections of one address are open, want 4", open)
	}
}

// Connections that have been silent for long give way, so that another client behind the same
// address gets in.
func TestT27OldestClientGivesWayToItsOwnAddress(t *testing.T) {
	d := openTLSServer(t, 8, func(s *server.Server) { server.SetLobbyPatience(s, 0) })
	var silent []*peer
	for range 4 {
		silent = append(silent, connect(t, "tcp", d.addr))
	}
	c := d.dial(t, d.root)
	if _, err := c.Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	silent[0].wantClosed()
	d.wantRefused(t, 1, api.RefusedConnections)
}

// Networks are held to the rates and penalties of the daemon, but not for what those do who show a
// good certificate.
func TestT27NetworksAreAdmitted(t *testing.T) {
	table := admission.New(admission.Limits{Rate: 1, Burst: 2, Penalties: admission.PenaltiesOn})
	d := openTLSServerWith(t, server.Options{Admission: table})
	for range 10 {
		c := d.dial(t, d.root)
		if _, err := c.Hello(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	const clients = 20
	for range clients {
		if nc, err := dialFrom(t, "127.0.0.1", d.addr); err == nil {
			_, _ = io.ReadAll(tls.Client(nc, d.Config(d.nobody)))
		}
	}
	if got := d.backend.WaitRefusals(t, clients); got[0] != string(api.RefusedNoRole) || !slices.Contains(got, string(api.RefusedRate)) {
		t.Errorf("refused for %s", got)
	}
	table.SetLimits(admission.Limits{Penalties: admission.PenaltiesOn})
	for range 30 { // beside those there were already
		table.RecordViolation(time.Hour, netip.MustParseAddr("127.0.0.1"), admission.HandshakeTimeout)
	}
	_, _ = dialFrom(t, "127.0.0.1", d.addr)
	if got := d.backend.WaitRefusals(t, clients+1); got[clients] != string(api.RefusedPenalty) {
		t.Errorf("refused for %s", got[clients])
	}
	for deadline := time.Now().Add(patience); table.Held() > 0; <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are counted without being there", table.Held())
		}
	}
}

// A handshake computes while it has a slot, and has none while it waits for its peer.
func TestT27HandshakesAskForTheProcessor(t *testing.T) {
	var held, most, asked, underway atomic.Int32
	d := openTLSServerWith(t, server.Options{HandshakesUnderway: func(change int64) { underway.Add(int32(change)) }, HandshakeSlot: func(context.Context) (func(), error) {
		asked.Add(1)
		most.Store(max(most.Load(), held.Add(1)))
		return func() { held.Add(-1) }, nil
	}})
	connect(t, "tcp", d.addr) // silent, so no handshake
	half := connect(t, "tcp", d.addr)
	hello, _ := firstFlight(t, d.Config(d.root))
	half.send(hello)
	for deadline := time.Now().Add(patience); asked.Load() == 0 || held.Load() > 0; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("asked %d times for the processor; half a hello holds %d", asked.Load(), held.Load())
		}
	}
	c := d.dial(t, d.root)
	if _, err := c.Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := underway.Load(); n != 1 {
		t.Errorf("%d handshakes are under way, want that of half a hello", n)
	}
	if asked.Load() < 3 || held.Load() != 0 || most.Load() != 1 {
		t.Errorf("asked %d times, at most %d at once, %d still held", asked.Load(), most.Load(), held.Load())
	}
}
