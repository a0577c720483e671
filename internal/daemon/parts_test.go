package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/config"
)

func TestReadPartsReturnsEveryFaultWithItsKey(t *testing.T) {
	failing := func(err error) func(*reading) error { return func(*reading) error { return err } }
	list := []part{
		{key: "first", when: atStart, read: failing(errors.New("one"))},
		{key: "good", when: atStart | atReload, read: failing(nil)},
		{key: "several", when: atStart, read: failing(errors.Join(errors.New("two"), &fault{key: "own", err: errors.New("three")}))},
		{key: "wrapped", when: atStart, read: failing(&configurationError{errors.Join(errors.New("four"))})},
		{key: "socket", when: atStart, read: failing(&access.SettingError{Setting: "key", Err: errors.New("five")})},
		{key: "quoting", when: atStart, read: failing(fmt.Errorf("%w and %w", errors.New("six"), errors.New("seven")))},
		{key: "reload", when: atReload, read: failing(errors.New("eight"))},
	}
	err := readParts(list, atStart, &reading{settings: &config.Settings{}})
	want := []string{"first: one", "several: two", "own: three", "wrapped: four", "control.key: five", "quoting: six and seven"}
	if !errors.Is(err, ErrConfiguration) || err.Error() != strings.Join(want, "\n") {
		t.Errorf("got\n%v\nwant\n%s", err, strings.Join(want, "\n"))
	}
	var got []string
	for _, f := range eachFault(err) {
		got = append(got, f.Error())
	}
	if !slices.Equal(got, want) {
		t.Errorf("one by one: %q", got)
	}
	if err := readParts(list[1:2], atStart|atReload, &reading{settings: &config.Settings{}}); err != nil {
		t.Errorf("nothing wrong: %v", err)
	}
	if err := errors.New("x"); !slices.Equal(eachFault(err), []error{err}) {
		t.Error("another error is not one fault")
	}
}

func TestUsePartsUsesThoseOfAReloadInTheirOrder(t *testing.T) {
	var used []string
	use := func(name string, changed ...string) func(*Daemon, *reading) []string {
		return func(*Daemon, *reading) []string { used = append(used, name); return changed }
	}
	r := &reading{changed: []string{"a"}}
	(&Daemon{}).useParts([]part{
		{when: atReload, use: use("first", "b", "a")},
		{when: atStart, use: use("never")},
		{when: atReload},
		{when: atStart | atReload, use: use("second", "c")},
	}, r)
	if !slices.Equal(used, []string{"first", "second"}) || !slices.Equal(r.changed, []string{"a", "b", "c"}) {
		t.Errorf("used %q, changed %q", used, r.changed)
	}
}

// faultyParts are settings with something wrong in each part of a start, and the keys that must be
// told.
func faultyParts(t *testing.T) (s config.Settings, keys []string) {
	t.Helper()
	none := filepath.Join(t.TempDir(), "none")
	s = config.Defaults()
	s.Limits.Slow = "whatever"
	s.TLS.CertFile, s.TLS.KeyFile = none+"/c.pem", none+"/k.pem"
	s.TLS.Certificates = []config.Certificate{{CertFile: none + "/c2.pem", KeyFile: none + "/k2.pem"}}
	s.Control.TLS = config.ControlTLS{CertFile: none + "/d.pem", KeyFile: none + "/d-key.pem", ClientCAFile: none + "/ca.pem", Admin: []string{"alice"}}
	s.Auth.Mode = []string{"signed-url", "jwt"}
	s.Auth.SignedURL.Keys, s.Auth.JWT.Keys, s.Auth.JWT.JWKSFile = []string{none + "/url.key"}, []string{"HS256:" + none + "/jwt.key"}, none+"/jwks"
	s.Control.Keys = []config.ControlKey{{ID: "x", Role: "read", File: none + "/control.key"}}
	s.Control.UnixAdmins = []string{"user:no-such-user"}
	s.Control.UnixGroup, s.Control.FIFOGroup = "no-such-group", "no-such-group"
	s.ACME.Hosts, s.ACME.CARoot, s.ACME.EABKeyID, s.ACME.EABKeyFile = []string{"h.example"}, none+"/root.pem", "kid", none+"/eab"
	s.ACME.CacheDir, s.State.Dir, s.History.File = "/proc/none/acme", "/proc/none", none+"/history.db"
	s.Cluster.NATS, s.Cluster.CredentialsFile, s.Cluster.CAFile = []string{"nats://127.0.0.1:1"}, none+"/creds", none+"/brokers.pem"
	s.LogFile, s.PIDFile, s.Control.FIFO = none+"/log", none+"/pid", none+"/fifo"
	return s, []string{
		"limits.slow", "tls.cert_file", "tls.key_file", "tls.certificate.cert_file", "tls.certificate.key_file",
		"control.tls.cert_file", "control.tls.key_file", "control.tls.client_ca_file", "control.tls.admin",
		"auth.signed_url.keys", "auth.jwt.keys", "auth.jwt.jwks_file", "control.unix_admins", "control.key",
		"control.unix_group", "control.fifo_group", "acme.ca_root", "acme.eab_key_file", "acme.cache_dir",
		"state.dir", "history.file", "cluster.credentials_file", "cluster.ca_file", "log_file", "pid_file", "control.fifo",
	}
}

// keysOf are the keys at the beginnings of the lines of an error.
func keysOf(err error) (keys []string) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		key, _, _ := strings.Cut(line, ": ")
		keys = append(keys, key)
	}
	return keys
}

func TestCheckAndStartReportEverythingThatIsWrong(t *testing.T) {
	s, want := faultyParts(t)
	for name, err := range map[string]error{
		"check": Check(s),
		"start": Run(t.Context(), Options{Settings: s, Stderr: &logBuffer{}}),
	} {
		if !errors.Is(err, ErrConfiguration) || !slices.Equal(keysOf(err), want) {
			t.Errorf("%s tells %q, want %q:\n%v", name, keysOf(err), want, err)
		}
	}
	// What hangs on an unknown user is not told besides.
	s.User = "no-such-user"
	if got := keysOf(Check(s)); !slices.Contains(got, "user") || slices.Contains(got, "state.dir") || slices.Contains(got, "acme.cache_dir") {
		t.Errorf("with an unknown user: %q", got)
	}
}

// TestEveryPartHasItsFault keeps the list and the test above together.
func TestEveryPartHasItsFault(t *testing.T) {
	s, _ := faultyParts(t)
	for _, p := range parts {
		if p.when&atStart == 0 || p.key == "user" {
			continue
		}
		if err := p.read(&reading{settings: &s, now: time.Now()}); err == nil {
			t.Errorf("faultyParts has nothing wrong in the part %q", p.key)
		}
	}
}

func TestAReloadReportsEverythingThatIsWrongAndChangesNothing(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key)
	secret := filepath.Join(dir, "control.key")
	if err := os.WriteFile(secret, []byte(strings.Repeat("s", 40)), 0o600); err != nil {
		t.Fatal(err)
	}
	toml := func(retry, keyFile, jwt string) string {
		return fmt.Sprintf("retry = %q\n[tls]\ncert_file = %q\nkey_file = %q\n[[control.key]]\nid = \"x\"\nrole = \"read\"\nfile = %q\n%s", retry, cert, keyFile, secret, jwt)
	}
	r := start(t, toml("2s", key, ""))
	before := r.certificates()
	writeCertificate(t, cert, key) // good by itself, and not to be used
	r.configure(toml("7s", filepath.Join(dir, "none.pem"), "[auth]\nmode = [\"jwt\"]\n[auth.jwt]\nkeys = [\"HS256:"+dir+"/none\"]\n"))
	if err := os.WriteFile(secret, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := r.ctl.Reload(t.Context())
	if err == nil {
		t.Fatal("the reload was taken")
	}
	for _, want := range []string{r.file + ":", ": tls.key_file: ", ": auth.jwt.keys: ", "control.key: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told in:\n%v", want, err)
		}
	}
	if got := r.certificates(); got[0].SHA256 != before[0].SHA256 || r.daemon.settings.Load().Retry != 2*time.Second {
		t.Errorf("something was changed: %+v", got)
	}
}
