package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/admin/server"
	"github.com/hassesd/hassesd/internal/listen/listentest"
)

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
	now := admintest.Dial(t, client.Options{TCP: d.addr, CA: other.File, Cert: id.CertFile, Key: id.KeyFile, Timeout: patience})
	if hello, err := now.Hello(t.Context()); err != nil || hello.Role != api.RoleRead {
		t.Errorf("a new one: %+v, %v", hello, err)
	}
	if _, err := client.Dial(t.Context(), client.Options{TCP: d.addr, CA: d.File, Cert: d.root.CertFile, Key: d.root.KeyFile}); !errors.Is(err, api.ErrNotAllowed) {
		t.Errorf("the daemon's old authority is still good: %v", err)
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
	listentest.WantErr(t, err, "want host:port")
	_, err = s.ListenTLS(d.addr, d.access(t))
	listentest.WantErr(t, err, "address already in use")
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
