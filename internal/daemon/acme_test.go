package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/config"
)

func TestAHostWithoutAnAuthorityIsListedWithItsError(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "acme")
	r := start(t, `[acme]
hosts = ["push.example.org", "events.example.org"]
accept_tos = true
directory = "https://127.0.0.1:1/dir"
cache_dir = "`+cache+`"
`)
	var list []api.Certificate
	deadline := time.After(10 * time.Second)
	for tick := time.Tick(10 * time.Millisecond); ; {
		list = r.certificates()
		if len(list) == 3 && list[1].LastError != "" && list[2].LastError != "" {
			break
		}
		select {
		case <-tick:
		case <-deadline:
			t.Fatalf("certificates are %+v", list)
		}
	}
	for i, host := range []string{"push.example.org", "events.example.org"} {
		c := list[i+1]
		if !slices.Equal(c.Names, []string{host}) || c.Source != "acme" || !c.NotAfter.IsZero() || !strings.Contains(c.LastError, "connection refused") {
			t.Errorf("%s: %+v", host, c)
		}
		if wait := c.NextTry.Sub(c.LastErrorAt); wait < time.Minute || wait > 72*time.Second {
			t.Errorf("%s: tried again after %s", host, wait)
		}
	}
}

func TestAPlaceholderIsListedAsOneWithItsWarning(t *testing.T) {
	r := start(t, `[acme]
hosts = ["push.example.org"]
accept_tos = true
fallback = "selfsigned"
directory = "https://127.0.0.1:1/dir"
cache_dir = "`+filepath.Join(t.TempDir(), "acme")+`"
`)
	r.waitFor("the failure", func() bool { return r.certificates()[1].LastError != "" })
	list := r.certificates()
	if len(list) != 2 {
		t.Fatalf("listed: %+v", list)
	}
	c := list[1]
	if c.Source != "selfsigned" || !slices.Equal(c.Names, []string{"push.example.org"}) || c.SHA256 == "" || c.NextTry.IsZero() ||
		len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "clients refuse it") {
		t.Errorf("listed: %+v", c)
	}
}

func TestADamagedACMEStateDoesNotStopTheStart(t *testing.T) {
	const directory = "https://127.0.0.1:1/dir"
	cache := filepath.Join(t.TempDir(), "acme")
	toml := `[acme]
hosts = ["push.example.org"]
accept_tos = true
directory = "` + directory + `"
cache_dir = "` + cache + `"
`
	sum := sha256.Sum256([]byte(directory))
	state := filepath.Join(cache, "127.0.0.1-"+hex.EncodeToString(sum[:4]), "state.json")
	if err := os.MkdirAll(filepath.Dir(state), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(state, []byte(`{"version": 99}`), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, toml)
	c := r.certificates()[1]
	if wait := c.NextTry.Sub(c.LastErrorAt); !strings.Contains(c.LastError, "version 99") || wait < time.Hour || wait > 72*time.Minute {
		t.Errorf("tried again after %v: %+v", wait, c)
	}
	if kept, err := filepath.Glob(state + ".damaged-*"); err != nil || len(kept) != 1 {
		t.Errorf("set aside: %q, %v", kept, err)
	}
}

func TestReadACMEOptions(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s := config.Defaults()
	s.ACME.Hosts = []string{"push.example.org"}
	s.ACME.EABKeyID, s.ACME.EABKeyFile = "kid-1", file("eab", "c2VjcmV0\n")
	s.ACME.Fallback = "selfsigned"
	o, err := readACMEOptions(&s)
	if err != nil || string(o.EABKey) != "secret" || o.EABKeyID != "kid-1" || o.Roots != nil || !o.SelfSigned {
		t.Errorf("got %+v, %v", o, err)
	}

	for _, c := range []struct {
		name   string
		change func(*config.ACME)
		want   string
	}{
		{"no root file", func(a *config.ACME) { a.CARoot = filepath.Join(dir, "none") }, "acme.ca_root: "},
		{"no root in it", func(a *config.ACME) { a.CARoot = file("text", "text") }, "acme.ca_root: " + filepath.Join(dir, "text") + ": there is no PEM certificate"},
		{"a root cut off", func(a *config.ACME) { a.CARoot = file("cut", "-----BEGIN CERTIFICATE-----\nAAAA\n") }, "acme.ca_root: " + filepath.Join(dir, "cut") + ": line 1: "},
		{"a directory", func(a *config.ACME) { a.CARoot = dir }, "acme.ca_root: " + dir + " is not a file"},
		{"no key file", func(a *config.ACME) { a.EABKeyFile = filepath.Join(dir, "none") }, "acme.eab_key_file: "},
		{"no key in it", func(a *config.ACME) { a.EABKeyFile = file("empty", "\n") }, "acme.eab_key_file: what it holds"},
		{"something else", func(a *config.ACME) { a.EABKeyFile = file("secret", "se/cret") }, "acme.eab_key_file: what it holds"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := s
			c.change(&s.ACME)
			_, err := readACMEOptions(&s)
			if !errors.Is(err, ErrConfiguration) || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "se/cret") {
				t.Errorf("got %v, want %s…", err, c.want)
			}
		})
	}
}
