package daemon

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/config"
)

// freePort is an address of the loopback that nobody listens on for the moment.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func controlTOML(addr string, own admintest.Identity, ca, roles string) string {
	return "[control]\ntcp = " + strconv.Quote(addr) + "\n[control.tls]\ncert_file = " + strconv.Quote(own.CertFile) +
		"\nkey_file = " + strconv.Quote(own.KeyFile) + "\nclient_ca_file = " + strconv.Quote(ca) + "\n" + roles + "\n"
}

// as asks who the daemon takes id for.
func (r *running) as(addr, ca string, id admintest.Identity) (api.Role, error) {
	r.t.Helper()
	c, err := client.Dial(r.t.Context(), client.Options{TCP: addr, CA: ca, Cert: id.CertFile, Key: id.KeyFile, Timeout: patience})
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	hello, err := c.Hello(r.t.Context())
	return hello.Role, err
}

func (r *running) wantRole(addr, ca string, id admintest.Identity, want api.Role) {
	r.t.Helper()
	got, err := r.as(addr, ca, id)
	if want == "" {
		if !errors.Is(err, api.ErrNotAllowed) {
			r.t.Errorf("got %q, %v, want to be refused", got, err)
		}
		return
	}
	if err != nil || got != want {
		r.t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestControlPortTakesRolesAndCertificatesFromAReload(t *testing.T) {
	first, second := admintest.NewAuthority(t), admintest.NewAuthority(t)
	own, alice, bob := first.Daemon(), first.Client("test:alice"), second.Client("test:bob")
	addr := freePort(t)
	r := start(t, controlTOML(addr, own, first.File, `admin = ["uri:test:alice"]`))
	r.wantRole(addr, first.File, alice, api.RoleAdmin)
	r.wantRole(addr, first.File, bob, "")
	r.waitFor("the refusal to be counted", func() bool { // which is after the client has heard of it
		status, err := r.ctl.Status(t.Context())
		return err == nil && status.Refused["control_untrusted"] == 1
	})

	// Roles and authorities.
	r.configure(controlTOML(addr, own, second.File, `read = ["uri:test:bob"]`))
	reloaded, err := r.ctl.Reload(t.Context())
	if want := []string{"control.tls.client_ca_file", "control.tls.admin", "control.tls.read"}; err != nil || !slices.Equal(reloaded.Changed, want) {
		t.Errorf("changed %v, %v", reloaded.Changed, err)
	}
	r.wantRole(addr, first.File, bob, api.RoleRead)
	r.wantRole(addr, first.File, alice, "")

	// The daemon's certificate, with the names of its files as they were.
	renewed := second.Daemon()
	for from, to := range map[string]string{renewed.CertFile: own.CertFile, renewed.KeyFile: own.KeyFile} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if reloaded, err = r.ctl.Reload(t.Context()); err != nil || !slices.Equal(reloaded.Changed, []string{"control.tls.cert_file"}) {
		t.Errorf("changed %v, %v", reloaded.Changed, err)
	}
	r.wantRole(addr, second.File, bob, api.RoleRead)

	// What is wrong keeps what was.
	r.configure(controlTOML(addr, own, filepath.Join(t.TempDir(), "none.pem"), `admin = ["uri:test:bob"]`))
	if _, err := r.ctl.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "none.pem") {
		t.Errorf("got %v", err)
	}
	r.wantRole(addr, second.File, bob, api.RoleRead)

	// TLS or not is a matter of a restart.
	r.configure("[control]\ntcp = " + strconv.Quote(addr) + "\n")
	reloaded, err = r.ctl.Reload(t.Context())
	if err != nil || len(reloaded.Changed) > 0 || !slices.Contains(reloaded.NeedsRestart, "control.tls.cert_file") {
		t.Errorf("got %+v, %v", reloaded, err)
	}
	r.wantRole(addr, second.File, bob, api.RoleRead)
}

func TestTheControlPortsCertificateIsListedAndWatched(t *testing.T) {
	ca := admintest.NewAuthority(t)
	own, alice := ca.Daemon(), ca.Client("test:alice")
	addr := freePort(t)
	r := start(t, controlTOML(addr, own, ca.File, `admin = ["uri:test:alice"]`)+"[tls]\nwatch = \"100ms\"\n")
	listed := func() api.Certificate {
		t.Helper()
		list := r.certificates()
		if len(list) != 2 || list[1].Source != "control" || list[1].CertFile != own.CertFile || list[1].KeyFile != own.KeyFile || list[1].Default {
			t.Fatalf("listed: %+v", list)
		}
		return list[1]
	}
	first := listed()
	if first.LastError != "" || first.NotAfter.IsZero() || first.LoadedAt.IsZero() || len(first.Names) == 0 {
		t.Errorf("listed: %+v", first)
	}

	replace := func(with admintest.Identity) {
		t.Helper()
		for from, to := range map[string]string{with.CertFile: own.CertFile, with.KeyFile: own.KeyFile} {
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	replace(ca.Daemon())
	r.waitFor("the new certificate", func() bool { return listed().SHA256 != first.SHA256 })
	second := listed()
	r.wantRole(addr, ca.File, alice, api.RoleAdmin)

	if err := os.WriteFile(own.CertFile, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.waitFor("the complaint", func() bool { return strings.Contains(listed().LastError, own.CertFile) })
	said := listed()
	r.waitFor("another attempt", func() bool { return listed().LastErrorAt.After(said.LastErrorAt) })
	if said.SHA256 != second.SHA256 || !said.LoadedAt.Equal(second.LoadedAt) || said.NextTry.IsZero() {
		t.Errorf("listed: %+v", said)
	}
	r.wantRole(addr, ca.File, alice, api.RoleAdmin)
	if n := strings.Count(r.logged(), "replaced files of the control port cannot be used"); n != 1 {
		t.Errorf("the log complains %d times, want once", n)
	}
	if _, err := r.ctl.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), own.CertFile) {
		t.Errorf("a reload with a file that was spoilt: %v", err)
	}

	replace(ca.Daemon())
	r.waitFor("the third certificate", func() bool { return listed().SHA256 != second.SHA256 })
	if c := listed(); c.LastError != "" || !c.NextTry.IsZero() {
		t.Errorf("listed: %+v", c)
	}
}

func TestAnExpiredControlCertificateDoesNotPreventAReload(t *testing.T) {
	ca := admintest.NewAuthority(t)
	own := ca.Daemon()
	settings := config.Defaults()
	settings.Control.TLS = config.ControlTLS{CertFile: own.CertFile, KeyFile: own.KeyFile, ClientCAFile: ca.File, Admin: []string{"uri:test:alice"}}
	control := &control{log: slog.New(slog.DiscardHandler), files: controlFiles(&settings)}
	now := time.Now()
	later := now.Add(100 * 365 * 24 * time.Hour)
	for _, c := range []struct {
		name    string
		changed []string
		now     time.Time
		bad     bool
		isSame  bool
	}{
		{"young", nil, now, false, false},
		{"expired", nil, later, false, true},
		{"expired, and something else has changed", []string{"log_level"}, later, false, true},
		{"expired, and the rules have changed", []string{"control.tls.read"}, later, true, false},
	} {
		read, err := control.readPort(&settings, c.changed, c.now)
		if (err != nil) != c.bad || err == nil && ((read.access == nil) != c.isSame || (read.unrenewed != nil) != c.isSame) {
			t.Errorf("%s: %+v, %v", c.name, read, err)
		}
	}
	text, err := os.ReadFile(own.CertFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(own.CertFile, append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := control.readPort(&settings, nil, later); err == nil {
		t.Error("an expired certificate in a new file is taken")
	}
}

func TestPlainControlPortIsThatOfOldBackEnds(t *testing.T) {
	addr := freePort(t)
	r := start(t, "[control]\ntcp = "+strconv.Quote(addr)+"\n")
	c, err := client.Dial(t.Context(), client.Options{TCP: addr, Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if hello, err := c.Hello(t.Context()); err != nil || hello.Role != api.RolePublish {
		t.Errorf("got %+v, %v", hello, err)
	}
	ca := admintest.NewAuthority(t)
	own := ca.Daemon()
	r.configure(controlTOML(addr, own, ca.File, `admin = ["uri:test:alice"]`))
	reloaded, err := r.ctl.Reload(t.Context())
	if err != nil || len(reloaded.Changed) > 0 || !slices.Contains(reloaded.NeedsRestart, "control.tls.cert_file") {
		t.Errorf("got %+v, %v", reloaded, err)
	}
}

func TestCheckRefusesABadControlPort(t *testing.T) {
	ca := admintest.NewAuthority(t)
	own := ca.Daemon()
	settings := config.Defaults()
	settings.Dev, settings.Auth.Mode, settings.Control.TCP, settings.Control.Socket = true, []string{"none"}, ":0", ""
	settings.Control.TLS = config.ControlTLS{CertFile: own.CertFile, KeyFile: own.KeyFile, ClientCAFile: ca.File, Admin: []string{"uri:test:alice"}}
	if err := Check(settings); err != nil {
		t.Fatal(err)
	}
	settings.Control.TLS.Admin = []string{"alice"}
	if err := Check(settings); !errors.Is(err, ErrConfiguration) || !strings.Contains(err.Error(), `"alice" names no certificate`) {
		t.Errorf("got %v", err)
	}
}
