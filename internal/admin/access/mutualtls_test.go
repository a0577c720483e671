package access_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/admintest"
)

func TestLoadAccess(t *testing.T) {
	a := admintest.NewAuthority(t)
	own, client := a.Daemon(), a.Client("test:x")
	expired := a.Issue(func(c *x509.Certificate) {
		c.NotAfter = time.Now().Add(-time.Hour)
		c.DNSNames = []string{"localhost"}
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	nameless := a.Issue(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	dir := t.TempDir()
	fifo, empty, large := filepath.Join(dir, "fifo"), filepath.Join(dir, "empty"), filepath.Join(dir, "large")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, size := range map[string]int{empty: 0, large: 1<<20 + 1} {
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(a.File)
	if err != nil {
		t.Fatal(err)
	}
	cutOff := filepath.Join(dir, "cut.pem")
	if err := os.WriteFile(cutOff, append(whole, whole[:len(whole)-40]...), 0o600); err != nil {
		t.Fatal(err)
	}
	open := a.Daemon()
	if err := os.Chmod(open.KeyFile, 0o644); err != nil {
		t.Fatal(err)
	}
	good := func() access.MutualTLSOptions {
		return access.MutualTLSOptions{CertFile: own.CertFile, KeyFile: own.KeyFile, ClientCAFile: a.File, Admin: []string{"uri:test:x"}}
	}
	if _, err := access.LoadMutualTLS(good(), time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*access.MutualTLSOptions)
		want   string
	}{
		{"no certificate", func(o *access.MutualTLSOptions) { o.CertFile = filepath.Join(dir, "none") }, "read the certificate of the control port"},
		{"no key", func(o *access.MutualTLSOptions) { o.KeyFile = filepath.Join(dir, "none") }, "read the private key of the control port"},
		{"no authorities", func(o *access.MutualTLSOptions) { o.ClientCAFile = filepath.Join(dir, "none") }, "read the authorities of clients"},
		{"a FIFO", func(o *access.MutualTLSOptions) { o.KeyFile = fifo }, "not a regular file"},
		{"too large", func(o *access.MutualTLSOptions) { o.CertFile = large }, "longer than"},
		{"an open key", func(o *access.MutualTLSOptions) { o.CertFile, o.KeyFile = open.CertFile, open.KeyFile }, "can be read by every user of this machine (mode 0644)"},
		{"another's key", func(o *access.MutualTLSOptions) { o.KeyFile = client.KeyFile }, "private key does not match"},
		{"expired", func(o *access.MutualTLSOptions) { o.CertFile, o.KeyFile = expired.CertFile, expired.KeyFile }, "expired on"},
		{"for clients", func(o *access.MutualTLSOptions) { o.CertFile, o.KeyFile = client.CertFile, client.KeyFile }, "not meant for servers"},
		{"nameless", func(o *access.MutualTLSOptions) { o.CertFile, o.KeyFile = nameless.CertFile, nameless.KeyFile }, "names no host"},
		{"an empty pool", func(o *access.MutualTLSOptions) { o.ClientCAFile = empty }, "no PEM certificate"},
		{"a pool cut off", func(o *access.MutualTLSOptions) { o.ClientCAFile = cutOff }, "cut.pem: line "},
		{"a certificate cut off", func(o *access.MutualTLSOptions) { o.CertFile = cutOff }, "cut.pem: line "},
		{"a pool of others", func(o *access.MutualTLSOptions) { o.ClientCAFile = own.CertFile }, "not an authority's certificate"},
		{"nobody", func(o *access.MutualTLSOptions) { o.Admin = nil }, "no certificate has a role"},
		{"a slip", func(o *access.MutualTLSOptions) { o.Read = []string{"alice", "uri:test:y"} }, `role read: "alice" names no certificate`},
		{"two slips", func(o *access.MutualTLSOptions) { o.Publish, o.Admin = []string{"spki:12"}, []string{"dns:*.x"} }, "role admin"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := good()
			tt.change(&o)
			_, err := access.LoadMutualTLS(o, time.Now())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestAccessComplains(t *testing.T) {
	a := admintest.NewAuthority(t) // for 48 hours
	own := a.Daemon()              // for 12
	o := access.MutualTLSOptions{CertFile: own.CertFile, KeyFile: own.KeyFile, ClientCAFile: a.File, Admin: []string{"uri:test:x"}}
	access, err := access.LoadMutualTLS(o, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		left time.Duration // of the daemon's certificate
		want []string
	}{
		{100 * 24 * time.Hour, []string{"cert.pem is valid only from", "authority of clients \"CN=control test authority\" is valid only from"}},
		{9 * time.Hour, []string{"authority of clients", "make another"}},
		{7 * time.Hour, []string{"less than a third", "make another"}},
		{-time.Hour, []string{"clients refuse it", "make another"}},
		{-40 * time.Hour, []string{"clients refuse it", "nobody gets in"}},
	} {
		got := strings.Join(access.Complaints(own.Leaf.NotAfter.Add(-tt.left)), "\n")
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("with %v left: %s, want %q", tt.left, got, want)
			}
		}
	}
}

func TestAnAccessThatIsNotValidYetDoesNotFollowOneThatIs(t *testing.T) {
	now := time.Now()
	good, later := admintest.NewAuthority(t), admintest.NewAuthority(t)
	begins := now.Add(time.Hour)
	server := func(from time.Time) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.NotBefore, c.DNSNames = from, []string{"localhost"}
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}
	}
	load := func(own admintest.Identity, caFile string) *access.MutualTLS {
		t.Helper()
		access, err := access.LoadMutualTLS(access.MutualTLSOptions{CertFile: own.CertFile, KeyFile: own.KeyFile, ClientCAFile: caFile, Admin: []string{"uri:test:x"}}, now)
		if err != nil {
			t.Fatal(err)
		}
		return access
	}
	valid := load(good.Daemon(), good.File)
	early := load(good.Issue(server(begins)), good.File)
	earlyToo := load(later.Issue(server(begins)), good.File)
	for _, tt := range []struct {
		name      string
		next, old *access.MutualTLS
		at        time.Time
		want      string
	}{
		{"valid after valid", valid, valid, now, ""},
		{"early after valid", early, valid, now, "stays until then"},
		{"early after valid, when it begins", early, valid, begins, ""},
		{"early after early", early, earlyToo, now, ""},
		{"early after what has expired", early, valid, valid.Leaf().NotAfter.Add(time.Second), ""},
		{"authorities that are not valid yet", valid, valid, now.Add(-47 * time.Hour), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.next.Follow(tt.old, tt.at)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
