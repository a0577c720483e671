package daemon

import (
	"slices"
	"testing"

	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/options"
	"github.com/hassesd/hassesd/internal/sandbox"
)

func TestNeededPaths(t *testing.T) {
	type use struct {
		key, path string
		use       sandbox.Use
	}
	socket := use{"control.socket", "/run/hassesd/control.sock", sandbox.RemoveFile}
	accounts := []use{{"", "/etc/passwd", sandbox.ReadSystemFile}, {"", "/etc/group", sandbox.ReadSystemFile}}
	for _, tc := range []struct {
		name    string
		sources []string
		change  func(*config.Settings)
		want    []use
	}{
		{"nothing is named", nil, func(*config.Settings) {}, []use{socket}},
		{"no socket either", nil, func(s *config.Settings) { s.Control.Socket = "" }, nil},
		{"files of the settings", []string{"/etc/h/h.toml", "/etc/h/hasses.conf"}, func(*config.Settings) {}, []use{
			{"config", "/etc/h/h.toml", sandbox.ReadFile},
			{"config", "/etc/h/hasses.conf", sandbox.ReadFile},
			socket,
		}},
		{"certificates", nil, func(s *config.Settings) {
			s.TLS.CertFile, s.TLS.KeyFile = "/c/a.pem", "/c/a.key"
			s.TLS.Certificates = []config.Certificate{{CertFile: "/c/b.pem", KeyFile: "/c/b.key", OCSPFile: "/c/b.ocsp"}}
		}, []use{
			{"tls.cert_file", "/c/a.pem", sandbox.ReadFile},
			{"tls.key_file", "/c/a.key", sandbox.ReadFile},
			{"tls.cert_file", "/c/b.pem", sandbox.ReadFile},
			{"tls.key_file", "/c/b.key", sandbox.ReadFile},
			{"tls.ocsp_file", "/c/b.ocsp", sandbox.ReadFile},
			socket,
		}},
		{"keys of subscribers", nil, func(s *config.Settings) {
			s.Auth.Mode = []string{config.AuthSigned, config.AuthTokens}
			s.Auth.SignedURL.Keys = []string{"2026=/k/url.key"}
			s.Auth.JWT.Keys, s.Auth.JWT.JWKSFile = []string{"web=ES256:/k/jwt.pem"}, "/j/keys.json"
		}, []use{
			{"auth.signed_url.keys", "/k/url.key", sandbox.ReadFile},
			{"auth.jwt.keys", "/k/jwt.pem", sandbox.ReadFile},
			{"auth.jwt.jwks_file", "/j/keys.json", sandbox.ReadFile},
			socket,
		}},
		{"keys that are not asked for", nil, func(s *config.Settings) { s.Auth.SignedURL.Keys = []string{"/k/url.key"} }, []use{socket}},
		{"control over TLS", nil, func(s *config.Settings) {
			s.Control.TLS.CertFile, s.Control.TLS.KeyFile, s.Control.TLS.ClientCAFile = "/p/c.pem", "/p/c.key", "/p/ca.pem"
		}, []use{
			{"control.tls.cert_file", "/p/c.pem", sandbox.ReadFile},
			{"control.tls.key_file", "/p/c.key", sandbox.ReadFile},
			{"control.tls.client_ca_file", "/p/ca.pem", sandbox.ReadFile},
			socket,
		}},
		{"names of users", nil, func(s *config.Settings) { s.User = "hassesd" }, append(slices.Clone(accounts), socket)},
		{"a number without its group", nil, func(s *config.Settings) { s.User = "33" }, append(slices.Clone(accounts), socket)},
		{"a name of a group of the FIFO", nil, func(s *config.Settings) { s.Control.FIFOGroup = "www" }, append(slices.Clone(accounts), socket)},
		{"a name of a group", nil, func(s *config.Settings) { s.Control.UnixGroup = "admin" }, append(slices.Clone(accounts), socket)},
		{"numbers alone", nil, func(s *config.Settings) { s.User, s.Group = "33", "33" }, []use{socket}},
		{"log and pid file", nil, func(s *config.Settings) { s.LogFile, s.PIDFile = "/var/log/h/log", "/run/h/pid" }, []use{
			{"log_file", "/var/log/h/log", sandbox.AppendFile},
			{"pid_file", "/run/h/pid", sandbox.RemoveFile},
			socket,
		}},
		{"keys and roles of control connections", nil, func(s *config.Settings) {
			s.Control.Keys = []config.ControlKey{{ID: "a", File: "/k/a.key"}, {ID: "b", SHA256: "00"}}
			s.Control.UnixReaders = []string{"user:33"}
		}, append(append([]use{{"control.keys", "/k/a.key", sandbox.ReadFile}}, accounts...), socket)},
		{"state", nil, func(s *config.Settings) { s.State.Dir = "/var/lib/h" }, []use{socket, {"state.dir", "/var/lib/h", sandbox.Store}}},
		{"history elsewhere", nil, func(s *config.Settings) { s.State.Dir, s.History.File = "/var/lib/h", "/srv/h/history.db" }, []use{
			socket,
			{"state.dir", "/var/lib/h", sandbox.Store},
			{"history.file", "/srv/h", sandbox.Store},
		}},
		{"ACME", nil, func(s *config.Settings) { s.ACME.Hosts = []string{"a.example"} }, []use{
			socket,
			{"acme.cache_dir", "/var/lib/hassesd/acme", sandbox.Store},
			{"", "/etc/resolv.conf", sandbox.ReadSystemFile},
			{"", "/etc/hosts", sandbox.ReadSystemFile},
			{"", "/etc/nsswitch.conf", sandbox.ReadSystemFile},
		}},
		{"a Unix socket for a proxy", nil, func(s *config.Settings) {
			s.Listen, s.Proxy.UnixGroup = []string{"https://:443", "unix:/run/h/http.sock"}, "www-data"
		}, append(slices.Clone(accounts), socket, use{"listen", "/run/h/http.sock", sandbox.RemoveFile})},
		{"ACME without TLS", nil, func(s *config.Settings) {
			s.ACME.Hosts, s.Listen = []string{"a.example"}, []string{"http://:80"}
		}, []use{socket}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := config.Defaults()
			tc.change(&s)
			var got []use
			for _, n := range neededPaths(&s, tc.sources) {
				got = append(got, use{n.key, n.Path.Path, n.Use})
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// TestDevelopmentSocketIsNeeded: development mode moves the socket.
func TestDevelopmentSocketIsNeeded(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	s := config.Defaults()
	s.Dev = true
	moved := options.ControlSocket(&s)
	if moved == s.Control.Socket || len(neededPaths(&s, nil)) != 1 || neededPaths(&s, nil)[0].Path.Path != moved {
		t.Errorf("the socket is at %s, needed is %v", moved, neededPaths(&s, nil))
	}
	s.Control.Socket = "/elsewhere"
	if got := options.ControlSocket(&s); got != "/elsewhere" {
		t.Errorf("a socket that was named is at %s", got)
	}
}
