package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
)

// wantRole asks a connection what it may do.
func (p *peer) wantRole(want api.Role) {
	p.t.Helper()
	p.send(rpcCall("hello", "{}"))
	got := p.line()
	if want == api.RoleNone {
		if !strings.Contains(got, `"code":-32001`) {
			p.t.Errorf("hello: %s, want to be refused", got)
		}
		return
	}
	if !strings.Contains(got, `"role":"`+string(want)+`"`) {
		p.t.Errorf("hello: %s, want the role %s", got, want)
	}
}

// What a reload takes away is gone for connections that are open, too: with the next command.
func TestOpenConnectionsLoseTheirKeys(t *testing.T) {
	b, doors, log := guarded(t, api.RoleRead)
	p := connect(t, "tcp", doors.TCP)
	p.send(rpcCall("auth", `{"key":"`+shopKey+`"}`) + rpcCall("auth", `{"key":"`+opsKey+`"}`))
	p.line()
	p.line()
	p.wantRole(api.RoleAdmin)
	classic := connect(t, "tcp", doors.TCP)
	classic.send("auth " + opsKey + "\n")
	classic.want("ok admin")

	shop := access.KeySource{ID: "shop", Role: api.RolePublish, SHA256: shopSum}
	ops := keyFile(t, "ops", api.RoleAdmin, noKey) // of the same name, with another key in it
	doors.Server.SetRights(loadRights(t, access.RightsOptions{TCP: api.RoleRead, Keys: []access.KeySource{shop, ops}}))
	p.send(rpcCall("drain", "{}"))
	p.wantError("1", api.CodeNotAllowed, "drain needs the role admin, and this connection has publish")
	p.send(rpcCall("send", `{"to":"a","data":"x"}`))
	if got := p.line(); !strings.Contains(got, `"result"`) {
		t.Errorf("the key that is left: %s", got)
	}
	classic.send("a=1\ntcpnumberofclients\n")
	classic.want("error this command needs the role publish, and this connection has read")
	classic.line() // reading is what the port gives

	doors.Server.SetRights(loadRights(t, access.RightsOptions{TCP: api.RoleNone}))
	p.send(`[` + strings.TrimSpace(rpcCall("status", "{}")) + `,` + strings.TrimSpace(rpcCall("send", `{"to":"a","data":"x"}`)) + "]\n")
	if got := p.line(); strings.Count(got, `"code":-32001`) != 2 {
		t.Errorf("without any key: %s", got)
	}
	classic.send("tcpnumberofclients\n")
	classic.want("error this command needs the role read, and this connection has none")

	if got := b.WaitRefusals(t, 5); strings.Join(got, " ") != strings.TrimSpace(strings.Repeat(string(api.RefusedRole)+" ", 5)) {
		t.Errorf("refused for %s", got)
	}
	if len(b.Sent()) != 1 || len(b.Drains()) > 0 {
		t.Errorf("sent %v, drained %v", b.Sent(), b.Drains())
	}
	for _, want := range []string{"was=admin role=publish", "was=publish role=none", "was=admin role=read"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, log)
		}
	}

	// A key that comes back need not be shown again.
	doors.Server.SetRights(loadRights(t, access.RightsOptions{TCP: api.RoleNone, Keys: []access.KeySource{shop}}))
	p.wantRole(api.RolePublish)
	wantSecret(t, log)
}

func TestOpenConnectionsFollowThePort(t *testing.T) {
	_, doors, _ := guarded(t, api.RolePublish)
	p := connect(t, "tcp", doors.TCP)
	p.wantRole(api.RolePublish)
	for _, role := range []api.Role{api.RoleRead, api.RoleNone, api.RolePublish} {
		doors.Server.SetRights(loadRights(t, access.RightsOptions{TCP: role}))
		p.wantRole(role)
	}
}

func TestOpenConnectionsFollowTheListsOfCertificates(t *testing.T) {
	d := openTLSServer(t, 0)
	p, _ := d.connect(t, d.Config(d.root))
	p.wantRole(api.RoleAdmin)
	give := func(change func(*access.MutualTLSOptions)) {
		t.Helper()
		change(&d.options)
		d.server.SetAccess(d.access(t))
	}
	give(func(o *access.MutualTLSOptions) { o.Admin, o.Read = nil, []string{"uri:test:root"} })
	p.wantRole(api.RoleRead)
	give(func(o *access.MutualTLSOptions) { o.Read = []string{"uri:test:somebody"} })
	p.wantRole(api.RoleNone)
	give(func(o *access.MutualTLSOptions) { o.Admin = []string{"uri:test:root"} })
	p.wantRole(api.RoleAdmin)
	give(func(o *access.MutualTLSOptions) { o.ClientCAFile = admintest.NewAuthority(t).File })
	p.wantRole(api.RoleNone) // an authority that was taken out takes its certificates along
	if got := d.log.String(); !strings.Contains(got, "was=admin role=read identity=uri:test:root") && !strings.Contains(got, "identity=uri:test:root was=admin role=read") {
		t.Errorf("the log does not say whose role is another:\n%s", got)
	}
}

// What the FIFO may do is in no list.
func TestTheFIFOStaysAPublisher(t *testing.T) {
	b, doors, _ := guarded(t, api.RolePublish)
	f := openFIFO(t, doors.FIFO)
	doors.Server.SetRights(loadRights(t, access.RightsOptions{TCP: api.RoleNone}))
	if _, err := f.WriteString("a=1\n"); err != nil {
		t.Fatal(err)
	}
	wantSent(t, b, "a=1")
}

// Connections without a role do not keep out those that have one, or can show a key.
func TestT27ConnectionsWithoutARoleGiveWay(t *testing.T) {
	b := &admintest.Backend{}
	doors := admintest.StartServer(t, server.Options{Backend: b, Connections: 2, Rights: loadRights(t, access.RightsOptions{
		TCP: api.RoleNone, Keys: []access.KeySource{keyFile(t, "ops", api.RoleAdmin, opsKey)},
	})}, func(s *server.Server) {
		server.SetLobbyPatience(s, 0)
		server.SetSlotPatience(s, time.Millisecond)
	})
	arrive := func() *peer {
		t.Helper()
		p := connect(t, "tcp", doors.TCP)
		p.wantRole(api.RoleNone) // it was let in
		return p
	}
	show := func(p *peer) {
		t.Helper()
		p.send(rpcCall("auth", `{"key":"`+opsKey+`"}`))
		p.want(`{"jsonrpc":"2.0","id":1,"result":{"key":"ops","role":"admin"}}`)
	}
	first, second := arrive(), arrive()
	holder := arrive()
	first.wantClosed()
	show(holder) // its place is none of those without a role
	other := arrive()
	show(other)
	last := arrive()
	arrive()
	second.wantClosed()
	last.send(rpcCall("auth", `{"key":"`+opsKey+`"}`))
	last.wantError("1", api.CodeOverloaded, "all connections of this listener are taken (control.connections); try again")
	holder.wantRole(api.RoleAdmin)

	// A connection that has lost its role gives its slot to one that has a role.
	doors.Server.SetRights(loadRights(t, access.RightsOptions{TCP: api.RoleNone, Keys: []access.KeySource{
		{ID: "shop", Role: api.RolePublish, SHA256: shopSum},
	}}))
	holder.wantRole(api.RoleNone)
	last.send(rpcCall("auth", `{"key":"`+shopKey+`"}`))
	last.want(`{"jsonrpc":"2.0","id":1,"result":{"key":"shop","role":"publish"}}`)
	holder.wantClosed()
}
