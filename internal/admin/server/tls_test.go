package server_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/admin/server"
	"github.com/hassesd/hassesd/internal/admission"
)

// tlsServer is a control server with a TLS door, and somebody for each role.
type tlsServer struct {
	*admintest.Authority
	backend *admintest.Backend
	server  *server.Server
	addr    string
	log     *records
	options access.MutualTLSOptions

	root, writer, viewer, nobody admintest.Identity
}

func openTLSServer(t *testing.T, slots int, prepare ...func(*server.Server)) *tlsServer {
	t.Helper()
	return openTLSServerWith(t, server.Options{Connections: slots}, prepare...)
}

// openTLSServerWith serves with what the options have beside backend and log.
func openTLSServerWith(t *testing.T, o server.Options, prepare ...func(*server.Server)) *tlsServer {
	t.Helper()
	a := admintest.NewAuthority(t)
	d := &tlsServer{
		Authority: a, backend: newBackendWithNumbers(), log: &records{},
		root: a.Client("test:root"), writer: a.Client("test:writer"), viewer: a.Client("test:viewer"), nobody: a.Client("test:nobody"),
	}
	own := a.Daemon()
	viewer := api.Identities(d.viewer.Leaf)
	d.options = access.MutualTLSOptions{
		CertFile: own.CertFile, KeyFile: own.KeyFile, ClientCAFile: a.File,
		Admin: []string{"uri:test:root"}, Publish: []string{"uri:test:writer"}, Read: viewer[len(viewer)-1:],
	}
	o.Backend, o.Publisher, o.Logger = d.backend, d.backend, slog.New(slog.NewTextHandler(d.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	d.server = server.New(o)
	t.Cleanup(func() { stop(t, d.server) })
	addr, err := d.server.ListenTLS("127.0.0.1:0", d.access(t))
	if err != nil {
		t.Fatal(err)
	}
	d.addr = addr.String()
	for _, change := range prepare {
		change(d.server)
	}
	d.server.Serve()
	return d
}

func (d *tlsServer) access(t *testing.T) *access.MutualTLS {
	t.Helper()
	a, err := access.LoadMutualTLS(d.options, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// dial connects as hassesctl does.
func (d *tlsServer) dial(t *testing.T, id admintest.Identity) *client.Conn {
	t.Helper()
	return dial(t, client.Options{TCP: d.addr, CA: d.File, Cert: id.CertFile, Key: id.KeyFile, Timeout: patience})
}

// connect gives a TLS client that speaks for itself.
func (d *tlsServer) connect(t *testing.T, config *tls.Config) (*peer, *tls.Conn) {
	t.Helper()
	p := connect(t, "tcp", d.addr)
	c := tls.Client(p.conn, config)
	return &peer{t: t, conn: c, r: bufio.NewReader(c)}, c
}

func TestTLSDoorRoles(t *testing.T) {
	d := openTLSServer(t, 0)
	ctx := t.Context()
	for _, tt := range []struct {
		who                 admintest.Identity
		role                api.Role
		mayPublish, mayKick bool
	}{
		{d.root, api.RoleAdmin, true, true},
		{d.writer, api.RolePublish, true, false},
		{d.viewer, api.RoleRead, false, false},
	} {
		c := d.dial(t, tt.who)
		hello, err := c.Hello(ctx)
		if err != nil || hello.Role != tt.role {
			t.Errorf("%s: hello says %+v, %v", tt.role, hello, err)
		}
		if _, err := c.Status(ctx); err != nil {
			t.Errorf("%s: status: %v", tt.role, err)
		}
		if _, err := c.Send(ctx, api.SendParams{To: api.Targets{"a"}, Data: "x"}); (err == nil) != tt.mayPublish || err != nil && !errors.Is(err, api.ErrNotAllowed) {
			t.Errorf("%s: send: %v", tt.role, err)
		}
		if _, err := c.Kick(ctx, api.KickParams{All: true}); (err == nil) != tt.mayKick || err != nil && !errors.Is(err, api.ErrNotAllowed) {
			t.Errorf("%s: kick: %v", tt.role, err)
		}
	}
	if got := d.log.String(); !strings.Contains(got, "method=kick") || !strings.Contains(got, "identity=uri:test:root") {
		t.Errorf("the log does not say who kicked:\n%s", got)
	}

	classic, _ := d.connect(t, d.Config(d.viewer))
	classic.send("tcpnumberofclients\na=1\nloglevel_debug\n")
	classic.want(`{"numberofclients": 12}`)
	classic.want("error this command needs the role publish, and this connection has read")
	classic.want("error this command needs the role publish, and this connection has read")
	if got := d.backend.Sent(); len(got) != 2 {
		t.Errorf("published %v", got)
	}
}

func TestTLSDoorRefuses(t *testing.T) {
	d := openTLSServer(t, 0)
	other := admintest.NewAuthority(t)
	early := d.Issue(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) })
	expired := d.Issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	server := d.Issue(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	withProtocols := func(c *tls.Config, protocols ...string) *tls.Config {
		c.NextProtos = protocols
		return c
	}
	old := d.Config(d.root)
	old.MaxVersion = tls.VersionTLS12

	for _, tt := range []struct {
		name   string
		config *tls.Config
		reason api.Refusal
		alert  string
	}{
		{"no certificate", d.Config(), api.RefusedNoCert, "certificate required"},
		{"another authority", d.Config(other.Client("test:root")), api.RefusedUntrusted, "unknown certificate authority"},
		{"for servers only", d.Config(server), api.RefusedUntrusted, "bad certificate"},
		{"not valid yet", d.Config(early), api.RefusedExpired, "expired certificate"},
		{"expired", d.Config(expired), api.RefusedExpired, "expired certificate"},
		{"no role", d.Config(d.nobody), api.RefusedNoRole, "bad certificate"},
		{"TLS 1.2", old, api.RefusedTLSVersion, "protocol version"},
		{"a browser", withProtocols(d.Config(d.root), "h2", "http/1.1"), api.RefusedHTTP, "no application protocol"},
		{"another protocol", withProtocols(d.Config(d.root), "smtp"), api.RefusedHandshake, "no application protocol"},
		{"a client that does not trust us", other.Config(d.root), api.RefusedDistrust, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(d.backend.WaitRefusals(t, 0))
			p, _ := d.connect(t, tt.config)
			// A client of TLS 1.3 is done before the server has looked at its certificate, and may
			// have sent a lot.
			_, errWrite := io.WriteString(p.conn, "a=1\n"+strings.Repeat("x", 5000))
			_, err := io.ReadAll(p.r)
			if err = errors.Join(errWrite, err); err == nil || !strings.Contains(err.Error(), tt.alert) {
				t.Errorf("the client was told %v, want %q", err, tt.alert)
			}
			if got := d.backend.WaitRefusals(t, before+1); got[before] != string(tt.reason) {
				t.Errorf("refused for %s, want %s", got[before], tt.reason)
			}
			d.wantLogged(t, `msg="control connection refused" door=tls`)
			d.wantLogged(t, "reason="+string(tt.reason))
		})
	}
	if got := d.backend.Sent(); len(got) > 0 {
		t.Errorf("published %v", got)
	}
	spki := api.Identities(d.nobody.Leaf)
	d.wantLogged(t, `identities="uri:test:nobody `+spki[1]+`"`)
}

func (d *tlsServer) wantLogged(t *testing.T, text string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !strings.Contains(d.log.String(), text) {
		if time.Now().After(deadline) {
			t.Fatalf("the log has no %s:\n%s", text, d.log)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func TestTLSDoorRefusesWhatIsNotTLS(t *testing.T) {
	d := openTLSServer(t, 0)
	for i, tt := range []struct {
		sent   string
		reason api.Refusal
	}{
		{"a=1\n", api.RefusedPlain},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"drain\"}\n", api.RefusedPlain},
		{"\x00\xff", api.RefusedPlain},
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", api.RefusedHTTP},
		{"POST / HTTP/1.1\r\n\r\na=1\n", api.RefusedHTTP},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", api.RefusedHTTP},
		{"\x16\x03\x01\x00\x05hello", api.RefusedHandshake},
	} {
		p := connect(t, "tcp", d.addr)
		p.send(tt.sent)
		_, err := io.ReadAll(p.r) // perhaps an alert, and the end
		if err != nil {
			t.Errorf("%q: %v", tt.sent, err)
		}
		if got := d.backend.WaitRefusals(t, i+1); got[i] != string(tt.reason) {
			t.Errorf("%q: refused for %s, want %s", tt.sent, got[i], tt.reason)
		}
	}
	gone := connect(t, "tcp", d.addr)
	gone.conn.Close()
	if got := d.backend.WaitRefusals(t, 8); got[7] != string(api.RefusedHandshake) {
		t.Errorf("a port scanner was refused for %s", got[7])
	}
	if got := d.backend.Sent(); len(got) > 0 {
		t.Errorf("published %v", got)
	}

	// HTTP inside TLS, with a good certificate and no ALPN.
	p, _ := d.connect(t, d.Config(d.root))
	p.send("POST / HTTP/1.1\r\n\r\na=1\n")
	p.wantClosed()
	if got := d.backend.WaitRefusals(t, 9); got[8] != string(api.RefusedHTTP) {
		t.Errorf("refused for %s", got[8])
	}
}

func TestTLSDoorEndsStalledHandshakes(t *testing.T) {
	d := openTLSServer(t, 0, func(s *server.Server) { server.SetHandshakeTimeout(s, 50*time.Millisecond) })
	silent := connect(t, "tcp", d.addr)
	half := connect(t, "tcp", d.addr)
	half.send("\x16\x03\x01\x02\x00\x01") // the begin of a ClientHello
	silent.wantClosed()
	half.wantClosed()
	if got := fmt.Sprint(d.backend.WaitRefusals(t, 2)); got != "[stalled stalled]" {
		t.Errorf("refused for %s", got)
	}
}

// Whoever stalls in the handshake takes no place from those who can show who they are, however many
// they are.
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

// Those who have been silent for long give way, so that somebody else behind the same address gets
// in.
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

// firstFlight is what a client says first, in two pieces.
func firstFlight(t *testing.T, config *tls.Config) (begin, rest string) {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	go func() { _ = tls.Client(theirs, config).Handshake() }()
	buf := make([]byte, 16<<10)
	n, err := ours.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n/2]), string(buf[n/2 : n])
}

// connectFrom connects from an address of this machine.
func connectFrom(t *testing.T, from, to string) *peer {
	t.Helper()
	c, err := dialFrom(t, from, to)
	if err != nil {
		t.Fatal(err)
	}
	return &peer{t: t, conn: c, r: bufio.NewReader(c)}
}

func dialFrom(t *testing.T, from, to string) (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	c, err := dialer.DialContext(t.Context(), "tcp", to)
	if err == nil {
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(patience))
	}
	return c, err
}

// wantRefused waits until n connections were refused, all for the reason.
func (d *tlsServer) wantRefused(t *testing.T, n int, reason api.Refusal) {
	t.Helper()
	for _, got := range d.backend.WaitRefusals(t, n) {
		if got != string(reason) {
			t.Errorf("refused for %s, want %s", got, reason)
		}
	}
}

func TestTLSDoorTakesNewAccess(t *testing.T) {
	d := openTLSServer(t, 0)
	before := d.dial(t, d.root)
	if _, err := before.Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := admintest.NewAuthority(t)
	own := other.Daemon()
	d.options = access.MutualTLSOptions{CertFile: own.CertFile, KeyFile: own.KeyFile, ClientCAFile: other.File, Read: []string{"uri:test:new"}}
	d.server.SetAccess(d.access(t))

	if hello, err := before.Hello(t.Context()); !errors.Is(err, api.ErrNotAllowed) {
		t.Errorf("a connection from before: %+v, %v", hello, err)
	}
	id := other.Client("test:new")
	now := dial(t, client.Options{TCP: d.addr, CA: other.File, Cert: id.CertFile, Key: id.KeyFile, Timeout: patience})
	if hello, err := now.Hello(t.Context()); err != nil || hello.Role != api.RoleRead {
		t.Errorf("a new one: %+v, %v", hello, err)
	}
	if _, err := client.Dial(t.Context(), client.Options{TCP: d.addr, CA: d.File, Cert: d.root.CertFile, Key: d.root.KeyFile}); !errors.Is(err, api.ErrNotAllowed) {
		t.Errorf("the daemon's old authority is still good: %v", err)
	}
}

func TestRefusedCertificateIsExplained(t *testing.T) {
	d := openTLSServer(t, 0)
	for _, o := range []client.Options{
		{Cert: d.nobody.CertFile, Key: d.nobody.KeyFile},
		{},
	} {
		o.TCP, o.CA, o.Timeout = d.addr, d.File, patience
		c := dial(t, o)
		if _, err := c.Status(t.Context()); !errors.Is(err, api.ErrCertificate) || !errors.Is(err, api.ErrNotAllowed) {
			t.Errorf("got %v", err)
		}
	}
}

// Who sits between can cut the connection or hold it back; that makes no command of a part of one.
func TestTLSDoorRunsNoCutCommand(t *testing.T) {
	d := openTLSServer(t, 0)
	p, c := d.connect(t, d.Config(d.writer))
	p.send("ack_enable\na=whole\nb=cut off he")
	p.want("ok")
	p.want("ok e-1 0")
	if err := c.NetConn().(*net.TCPConn).CloseWrite(); err != nil { // without TLS's own end
		t.Fatal(err)
	}
	p.wantClosed()

	p, _ = d.connect(t, d.Config(d.writer))
	p.send("ack_enable\nc=held ")
	p.want("ok")
	<-time.After(4 * server.ShortPause) // over a plain socket it would be sent now
	p.send("back\n")
	p.want("ok e-2 0")

	p, c = d.connect(t, d.Config(d.writer))
	p.send("d=ended")
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	p.wantClosed()
	wantSent(t, d.backend, "a=whole", "c=held back", "d=ended")
}

func TestTLSDoorCarriesMuch(t *testing.T) {
	d := openTLSServer(t, 0)
	c := d.dial(t, d.writer)
	big := strings.Repeat("0123456789abcdef", 3800)
	for range 20 {
		if _, err := c.Send(t.Context(), api.SendParams{To: api.Targets{"a"}, Data: big}); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range d.backend.WaitSent(t, 20) {
		if p.Data != big {
			t.Fatal("a message was changed on the way")
		}
	}
}

func TestTLSDoorCutsOffWhoDoesNotRead(t *testing.T) {
	d := openTLSServer(t, 0, func(s *server.Server) { server.SetWriteTimeout(s, 200*time.Millisecond) })
	d.backend.ClientsAnswer = api.Clients{Clients: make([]api.Client, 1000)}
	p, _ := d.connect(t, d.Config(d.viewer))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if _, err := io.WriteString(p.conn, `{"jsonrpc":"2.0","id":1,"method":"clients"}`+"\n"); err != nil {
				return
			}
		}
	}()
	if got := d.backend.WaitRefusals(t, 1); got[0] != string(api.RefusedSlow) {
		t.Errorf("refused for %v", got)
	}
	<-ended
}

func TestTLSDoorShutdown(t *testing.T) {
	d := openTLSServer(t, 0)
	other := connect(t, "tcp", d.addr)
	idle, _ := d.connect(t, d.Config(d.writer))
	idle.send("ack_enable\na=1\nb=unfinished")
	idle.want("ok")
	idle.want("ok e-1 0")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := d.server.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	idle.wantClosed()
	other.wantClosed()
	wantSent(t, d.backend, "a=1")
	if got := d.backend.WaitRefusals(t, 0); len(got) > 0 {
		t.Errorf("refused for %v", got)
	}
}

func TestTLSDoorAddress(t *testing.T) {
	d := openTLSServer(t, 0)
	s := newServer(t, &admintest.Backend{})
	_, err := s.ListenTLS("9085", d.access(t))
	wantErr(t, err, "want host:port")
	_, err = s.ListenTLS(d.addr, d.access(t))
	wantErr(t, err, "address already in use")
	addr, err := s.ListenTLS(":0", d.access(t))
	if err != nil || !addr.(*net.TCPAddr).IP.IsUnspecified() {
		t.Errorf("got %v, %v", addr, err)
	}
}

func TestClientOverTLS(t *testing.T) {
	d := openTLSServer(t, 0)
	o := client.Options{TCP: d.addr, CA: d.File, Cert: d.root.CertFile, Key: d.root.KeyFile, Timeout: patience}
	c, err := client.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if hello, err := c.Hello(t.Context()); err != nil || hello.Role != api.RoleAdmin {
		t.Errorf("got %+v, %v", hello, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}

	o.CA = admintest.NewAuthority(t).File
	if _, err := client.Dial(t.Context(), o); !errors.Is(err, api.ErrNotAllowed) {
		t.Errorf("a certificate of another authority: %v", err)
	}
	o.CA = d.root.KeyFile
	if _, err := client.Dial(t.Context(), o); err == nil {
		t.Error("a key was taken for a certificate")
	}
}
