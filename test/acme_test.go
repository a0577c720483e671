package test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestACMEFirstCertificate(t *testing.T) {
	t.Parallel()
	for _, challenge := range []string{"tls-alpn-01", "http-01"} {
		t.Run(challenge, func(t *testing.T) {
			t.Parallel()
			d := withoutFiles(t)
			p := startPebble(t, d, nil)
			d.args = append(d.args, p.flags(d.path("acme"), "push.example.org")...)
			d.args = append(d.args, "--acme-challenges", challenge)
			d.run()
			leaf := d.certified("push.example.org", p.roots())
			if len(leaf.DNSNames) != 1 || leaf.DNSNames[0] != "push.example.org" {
				t.Errorf("names %q", leaf.DNSNames)
			}
			if !d.log.contains("challenge=" + challenge) {
				t.Errorf("the log does not tell the challenge")
			}
			if n := p.orders(); n != 1 {
				t.Errorf("%d orders, want 1", n)
			}

			// A subscriber gets its stream, and a message through it.
			r := d.request("subscribe=a")
			r.TLS.RootCAs, r.TLS.ServerName = p.roots(), "push.example.org"
			s := d.open(r)
			d.send("a", "hello")
			message(t, s, "hello")

			// No authority is needed to start again.
			p.stop()
			d.signal(os.Interrupt)
			if code := d.wait(patience); code != 0 {
				t.Fatalf("exit code %d", code)
			}
			d.run()
			again, err := d.leafFor("push.example.org", nil)
			if err != nil {
				t.Fatalf("handshake after the second start: %v", err)
			}
			if !again.Equal(leaf) {
				t.Error("the second start serves another certificate")
			}
			d.signal(os.Interrupt)
			d.wait(patience)
			d.wantPrivateCache(d.path("acme"))
		})
	}
}

// wantPrivateCache checks that nobody but its owner can get at what is in the directory.
func (d *daemon) wantPrivateCache(dir string) {
	d.t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		want := os.FileMode(0o600)
		if e.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			d.t.Errorf("%s has mode %04o, want %04o", path, info.Mode().Perm(), want)
		}
		if strings.HasPrefix(e.Name(), ".") {
			d.t.Errorf("%s was left behind", path)
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

func TestACMERenewsUnderOpenStreams(t *testing.T) {
	t.Parallel()
	d := withoutFiles(t)
	p := startPebble(t, d, func(c *pebbleConfig) { c.Profiles["default"] = pebbleProfile{"short", 30} })
	d.args = append(d.args, p.flags(d.path("acme"), "push.example.org")...)
	d.run()
	roots := p.roots()
	first := d.certified("push.example.org", roots)
	r := d.request("subscribe=a")
	r.TLS.RootCAs, r.TLS.ServerName = roots, "push.example.org"
	s := d.open(r)
	last := first
	for range 2 {
		before := last
		if !poll(2*patience, func() bool {
			leaf, err := d.leafFor("push.example.org", roots)
			if err != nil {
				t.Fatalf("handshake while certificates are renewed: %v", err)
			}
			last = leaf
			return !leaf.Equal(before)
		}) {
			t.Fatal("the certificate was not renewed")
		}
		if left := before.NotAfter.Sub(last.NotBefore); left < 5*time.Second {
			t.Errorf("renewed when %s were left of 30 s", left)
		}
		d.send("a", "hello")
		message(t, s, "hello")
	}
}

func TestACMEWithBadNonces(t *testing.T) {
	t.Parallel()
	d := withoutFiles(t)
	p := startPebble(t, d, nil, "PEBBLE_WFE_NONCEREJECT=30")
	d.args = append(d.args, p.flags(d.path("acme"), "push.example.org")...)
	d.run()
	d.certified("push.example.org", p.roots())
}

func TestACMETwoNamesAndABlockedOne(t *testing.T) {
	t.Parallel()
	d := withoutFiles(t)
	p := startPebble(t, d, nil)
	p.tellDNS("set-servfail", "nowhere.example")
	d.args = append(d.args, p.flags(d.path("acme"), "a.example", "b.example", "blocked.example", "nowhere.example")...)
	d.args = append(d.args, "--tls-sni-strict")
	d.run()
	roots := p.roots()
	a, b := d.certified("a.example", roots), d.certified("b.example", roots)
	if a.Equal(b) || a.VerifyHostname("b.example") == nil {
		t.Error("two names have one certificate")
	}
	for host, why := range map[string]string{"blocked.example": "rejectedIdentifier", "nowhere.example": "Could not resolve"} {
		eventually(t, "the log says why "+host+" has no certificate", func() bool {
			return d.log.contains("certificate could not be obtained\" host="+host) && d.log.contains(why)
		})
		if leaf, err := d.leafFor(host, nil); err == nil {
			t.Errorf("%s is served the certificate of %q", host, leaf.DNSNames)
		}
	}

	var list struct {
		Certificates []struct {
			Names     []string  `json:"names"`
			Source    string    `json:"source"`
			NotAfter  time.Time `json:"not_after"`
			LastError string    `json:"last_error"`
			NextTry   time.Time `json:"next_try"`
		} `json:"certificates"`
	}
	d.call("certificates", nil, &list)
	if len(list.Certificates) != 4 {
		t.Errorf("%d certificates are listed, want 4: %+v", len(list.Certificates), list)
	}
	for _, c := range list.Certificates {
		good := c.Names[0] == "a.example" || c.Names[0] == "b.example"
		if c.Source != "acme" || good != (c.LastError == "") || good == c.NotAfter.IsZero() || !c.NextTry.After(time.Now()) {
			t.Errorf("listed as %+v", c)
		}
	}

	// The failures are remembered: whoever starts the daemon again and again orders nothing.
	orders := p.orders()
	for range 2 {
		d.signal(os.Interrupt)
		if code := d.wait(patience); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		d.run()
		d.certified("a.example", roots)
	}
	if n := p.orders(); n != orders {
		t.Errorf("%d orders after restarts, %d before", n, orders)
	}
}

func TestACMEOutage(t *testing.T) {
	t.Parallel()
	for _, fallback := range []string{"refuse", "selfsigned"} {
		t.Run(fallback, func(t *testing.T) {
			t.Parallel()
			d := withoutFiles(t)
			p := startPebble(t, d, nil)
			p.stop()
			d.args = append(d.args, p.flags(d.path("acme"), "push.example.org")...)
			d.args = append(d.args, "--acme-fallback", fallback)
			d.run()
			began := time.Now()
			leaf, err := d.leafFor("push.example.org", nil)
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("the handshake took %s: it waited for the authority", took)
			}
			switch {
			case fallback == "refuse" && (err == nil || !strings.Contains(err.Error(), "unrecognized name")):
				t.Errorf("handshake without a certificate: %v, %v", leaf, err)
			case fallback == "selfsigned" && err != nil:
				t.Errorf("handshake with the self-signed certificate: %v", err)
			case fallback == "selfsigned" && leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) != nil:
				t.Error("the certificate is not self-signed")
			}
			eventually(t, "the log tells the outage", func() bool { return d.log.contains("connection refused") && d.log.contains("next_try") })
		})
	}
}

func TestACMEExternalAccount(t *testing.T) {
	t.Parallel()
	const key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	d := withoutFiles(t)
	p := startPebble(t, d, func(c *pebbleConfig) { c.EAB, c.EABKeys = true, map[string]string{"kid-1": key} })
	write(t, d.path("eab.key"), []byte(key+"\n"))
	plain := d.args
	d.args = append(append([]string{}, plain...), p.flags(d.path("stranger"), "push.example.org")...)
	d.run()
	eventually(t, "a stranger is refused", func() bool { return d.log.contains("externalAccountRequired") })
	d.signal(os.Interrupt)
	d.wait(patience)

	d.args = append(append([]string{}, plain...), p.flags(d.path("acme"), "push.example.org")...)
	d.args = append(d.args, "--acme-eab-kid", "kid-1", "--acme-eab-key-file", d.path("eab.key"))
	d.run()
	d.certified("push.example.org", p.roots())
	if d.log.contains(key) {
		t.Error("the key of the external account is in the log")
	}
}

func TestACMEAfterGivingUpRoot(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t)
	d := withoutFiles(t)
	p := startPebble(t, d, nil)
	for dir := d.dir; dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) { // the test's own, closed to others
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cache := d.path("acme")
	// As an earlier run by root has left it.
	old := filepath.Join(cache, "ca.example.org-0123abcd", "www.example.org.pem")
	if err := os.MkdirAll(filepath.Dir(old), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, old, []byte("secret"))
	d.args = append(d.args, p.flags(cache, "push.example.org")...)
	d.args = append(d.args, "--user", "nobody")
	d.run()
	d.certified("push.example.org", p.roots())
	if uid := strings.Fields(d.procStatus("Uid"))[0]; uid == "0" {
		t.Fatal("the daemon is still root")
	}
	d.signal(os.Interrupt)
	d.wait(patience)
	d.wantPrivateCache(cache)
	info, err := os.Stat(old)
	if err != nil {
		t.Fatal(err)
	}
	if info.Sys().(*syscall.Stat_t).Uid == 0 {
		t.Error("what was in the cache still belongs to root")
	}
}

func TestACMECacheThatOthersCanRead(t *testing.T) {
	t.Parallel()
	d := withoutFiles(t)
	if err := os.Mkdir(d.path("acme"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(d.path("acme"), 0o750); err != nil {
		t.Fatal(err)
	}
	args := append(d.args, "--acme-host", "push.example.org", "--acme-accept-tos", "--acme-cache-dir", d.path("acme"))
	for _, line := range [][]string{args, append([]string{"check"}, args...)} {
		if r := command(t, "", hassesd, line...); r.code != 2 || !strings.Contains(r.stderr, "chmod 700 "+d.path("acme")) {
			t.Errorf("%q: %s; want exit code 2 and what to do", line[0], r)
		}
	}
}

func TestACMEAuthorityCanAskForARenewal(t *testing.T) {
	t.Parallel()
	d := withoutFiles(t)
	p := startPebble(t, d, func(c *pebbleConfig) { c.Profiles["default"] = pebbleProfile{"a minute", 60} })
	d.args = append(d.args, p.flags(d.path("acme"), "push.example.org")...)
	d.run()
	roots := p.roots()
	first := d.certified("push.example.org", roots)
	p.suggestRenewal(first, time.Now().Add(-time.Hour), time.Now().Add(-time.Minute))
	d.signal(os.Interrupt)
	d.wait(patience)
	d.run()
	eventually(t, "the certificate is renewed", func() bool {
		leaf, err := d.leafFor("push.example.org", roots)
		return err == nil && !leaf.Equal(first)
	})
	if age := time.Since(first.NotBefore); age > 35*time.Second {
		t.Errorf("renewed after %s, when it was due anyway", age)
	}
}
