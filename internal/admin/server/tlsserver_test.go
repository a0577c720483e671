package server_test

import (
	"bufio"
	"crypto/tls"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/admin/server"
)

// tlsServer is a control server with a TLS door, and an identity for each role.
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
	return admintest.Dial(t, client.Options{TCP: d.addr, CA: d.File, Cert: id.CertFile, Key: id.KeyFile, Timeout: patience})
}

// connect gives a TLS client that speaks for itself.
func (d *tlsServer) connect(t *testing.T, config *tls.Config) (*peer, *tls.Conn) {
	t.Helper()
	p := connect(t, "tcp", d.addr)
	c := tls.Client(p.conn, config)
	return &peer{t: t, conn: c, r: bufio.NewReader(c)}, c
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

// firstFlight returns what a client sends first, in two pieces.
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
