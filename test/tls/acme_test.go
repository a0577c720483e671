package tls

import (
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

func TestACMEFirstCertificate(t *testing.T) {
	t.Parallel()
	for _, challenge := range []string{"tls-alpn-01", "http-01"} {
		t.Run(challenge, func(t *testing.T) {
			t.Parallel()
			d := withoutFiles(t)
			p := startPebble(t, d, nil)
			d.Args = append(d.Args, p.flags(d.Path("acme"), "push.example.org")...)
			d.Args = append(d.Args, "--acme-challenges", challenge)
			d.Run()
			leaf := p.certified(d, "push.example.org")
			if len(leaf.DNSNames) != 1 || leaf.DNSNames[0] != "push.example.org" {
				t.Errorf("names %q", leaf.DNSNames)
			}
			if !d.Log.WaitFor("challenge=" + challenge) {
				t.Errorf("the log does not tell the challenge")
			}
			if n := p.orders(); n != 1+p.slips {
				t.Errorf("%d orders, want 1, and %d that failed since the machine was too slow", n, p.slips)
			}

			// A subscriber gets its stream, and a message through it.
			r := d.Request("subscribe=a")
			r.TLS.RootCAs, r.TLS.ServerName = p.roots(), "push.example.org"
			s := d.Open(r)
			d.Send("a", "hello")
			harness.WantMessage(t, s, "hello")

			// No authority is needed to start again.
			p.stop()
			d.Signal(os.Interrupt)
			if code := d.Wait(harness.Patience); code != 0 {
				t.Fatalf("exit code %d", code)
			}
			d.Run()
			again, err := leafFor(d, "push.example.org", nil)
			if err != nil {
				t.Fatalf("handshake after the second start: %v", err)
			}
			if !again.Equal(leaf) {
				t.Error("the second start serves another certificate")
			}
			d.Signal(os.Interrupt)
			d.Wait(harness.Patience)
			wantPrivateCache(d, d.Path("acme"))
		})
	}
}

// wantPrivateCache checks that only its owner has access to what is in the directory.
func wantPrivateCache(d *harness.Daemon, dir string) {
	d.T.Helper()
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
			d.T.Errorf("%s has mode %04o, want %04o", path, info.Mode().Perm(), want)
		}
		if strings.HasPrefix(e.Name(), ".") {
			d.T.Errorf("%s was left behind", path)
		}
		return nil
	})
	if err != nil {
		d.T.Fatal(err)
	}
}

func TestACMERenewsUnderOpenStreams(t *testing.T) {
	t.Parallel()
	d := withoutFiles(t)
	p := startPebble(t, d, func(c *pebbleConfig) { c.Profiles["default"] = pebbleProfile{"short", 30} })
	d.Args = append(d.Args, p.flags(d.Path("acme"), "push.example.org")...)
	d.Run()
	last := p.certified(d, "push.example.org")
	r := d.Request("subscribe=a")
	r.TLS.RootCAs, r.TLS.ServerName = p.roots(), "push.example.org"
	r.TLS.Time = func() time.Time { return last.NotBefore }
	s := d.Open(r)
	for range 2 {
		before := last
		if c := acmeCertificate(d, "push.example.org"); c.LastError == "" && c.NotAfter.Sub(c.NextTry) < c.NotAfter.Sub(c.NotBefore)/3 {
			t.Errorf("a certificate from %s to %s will be renewed at %s, with less than a third left", c.NotBefore, c.NotAfter, c.NextTry)
		}
		if !harness.Poll(issuePatience, slowly(func() bool {
			leaf, err := leafFor(d, "push.example.org", p.roots())
			if err != nil {
				t.Fatalf("handshake while certificates are renewed: %v", err)
			}
			last = leaf
			return !leaf.Equal(before)
		})) {
			t.Fatalf("the certificate was not renewed; the log without the handshakes:\n%s", without(d.Log, "level=DEBUG"))
		}
		d.Send("a", "hello")
		harness.WantMessage(t, s, "hello")
	}
}

// acmeCertificate returns the control protocol's entry for the host's certificate.
func acmeCertificate(d *harness.Daemon, host string) listedCertificate {
	d.T.Helper()
	var found []listedCertificate
	for _, c := range listCertificates(d) {
		if len(c.Names) == 1 && c.Names[0] == host {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		d.T.Fatalf("%s is listed %d times", host, len(found))
	}
	return found[0]
}

type listedCertificate struct {
	Names     []string  `json:"names"`
	Source    string    `json:"source"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	Warnings  []string  `json:"warnings"`
	LastError string    `json:"last_error"`
	NextTry   time.Time `json:"next_try"`
}

// listCertificates returns the control protocol's list of certificates.
func listCertificates(d *harness.Daemon) []listedCertificate {
	d.T.Helper()
	var list struct {
		Certificates []listedCertificate `json:"certificates"`
	}
	d.Call("certificates", nil, &list)
	return list.Certificates
}

func TestACMEWithBadNonces(t *testing.T) {
	t.Parallel()
	d := withoutFiles(t)
	p := startPebble(t, d, nil, "PEBBLE_WFE_NONCEREJECT=30")
	d.Args = append(d.Args, p.flags(d.Path("acme"), "push.example.org")...)
	d.Run()
	p.certified(d, "push.example.org")
}

func TestACMETwoNamesAndABlockedOne(t *testing.T) {
	t.Parallel()
	d := withoutFiles(t)
	p := startPebble(t, d, nil)
	p.setDNS("set-servfail", "nowhere.example")
	d.Args = append(d.Args, p.flags(d.Path("acme"), "a.example", "b.example", "blocked.example", "nowhere.example")...)
	d.Args = append(d.Args, "--tls-sni-strict")
	d.Run()
	a, b := p.certified(d, "a.example"), p.certified(d, "b.example")
	if a.Equal(b) || a.VerifyHostname("b.example") == nil {
		t.Error("two names have one certificate")
	}
	for host, why := range map[string]string{"blocked.example": "rejectedIdentifier", "nowhere.example": "resolv"} {
		said := ""
		harness.Poll(issuePatience, slowly(func() bool {
			said = line(d.Log, "certificate could not be obtained\" host="+host+" ")
			return said != ""
		}))
		if !strings.Contains(said, why) {
			t.Errorf("the log says of %s: %s; want %q", host, said, why)
		}
		if leaf, err := leafFor(d, host, nil); err == nil {
			t.Errorf("%s is served the certificate of %q", host, leaf.DNSNames)
		}
	}

	list := listCertificates(d)
	if len(list) != 4 {
		t.Errorf("%d certificates are listed, want 4: %+v", len(list), list)
	}
	for _, c := range list {
		good := c.Names[0] == "a.example" || c.Names[0] == "b.example"
		if c.Source != "acme" || good != (c.LastError == "") || good == c.NotAfter.IsZero() || c.NextTry.IsZero() {
			t.Errorf("listed as %+v", c)
		}
	}

	// Failures are recorded: a daemon that is started again and again orders nothing too early.
	for range 2 {
		d.Signal(os.Interrupt)
		if code := d.Wait(harness.Patience); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		d.Run()
		for _, before := range list {
			host := before.Names[0]
			next, ordered := acmeCertificate(d, host).NextTry, line(d.Log, "certificate is being ordered\" host="+host+" ")
			if time.Now().After(before.NextTry) {
				continue // a slow machine
			}
			// When a good one is renewed is also for the authority to say, which is asked anew.
			if ordered != "" || before.LastError != "" && !next.Equal(before.NextTry) {
				t.Errorf("%s was to be tried at %s, and after a restart at %s; ordered: %q", host, before.NextTry, next, ordered)
			}
		}
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
			d.Args = append(d.Args, p.flags(d.Path("acme"), "push.example.org")...)
			d.Args = append(d.Args, "--acme-fallback", fallback)
			d.Run()
			leaf, err := leafFor(d, "push.example.org", nil)
			switch {
			case fallback == "refuse" && (err == nil || !strings.Contains(err.Error(), "unrecognized name")):
				t.Errorf("handshake without a certificate: %v, %v", leaf, err)
			case fallback == "selfsigned" && err != nil:
				t.Errorf("handshake with the self-signed certificate: %v", err)
			case fallback == "selfsigned" && leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) != nil:
				t.Error("the certificate is not self-signed")
			}
			harness.Eventually(t, "the log tells the outage", func() bool { return d.Log.Contains("connection refused") && d.Log.Contains("next_try") })
		})
	}
}

func TestACMEAuthorityThatNeverAnswers(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan struct{})
	go func() {
		if c, err := l.Accept(); err == nil {
			defer c.Close()
			close(accepted)
			_, _ = io.Copy(io.Discard, c) // until the daemon gives up
		}
	}()
	d := withoutFiles(t)
	d.Args = append(d.Args, "--acme-accept-tos", "--acme-directory", "https://"+l.Addr().String()+"/dir",
		"--acme-cache-dir", d.Path("acme"), "--acme-host", "push.example.org")
	d.Run()
	select {
	case <-accepted:
	case <-time.After(harness.Patience):
		t.Fatal("the authority was not asked")
	}
	if leaf, err := leafFor(d, "push.example.org", nil); err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Errorf("handshake while the authority is silent: %v, %v", leaf, err)
	}
	d.Signal(os.Interrupt)
	if code := d.Wait(harness.Patience); code != 0 {
		t.Errorf("exit code %d while an order is under way", code)
	}
}

func TestACMEExternalAccount(t *testing.T) {
	t.Parallel()
	const key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	d := withoutFiles(t)
	p := startPebble(t, d, func(c *pebbleConfig) { c.EAB, c.EABKeys = true, map[string]string{"kid-1": key} })
	harness.WriteFile(t, d.Path("eab.key"), []byte(key+"\n"))
	plain := d.Args
	d.Args = append(append([]string{}, plain...), p.flags(d.Path("stranger"), "push.example.org")...)
	d.Run()
	harness.Eventually(t, "a stranger is refused", func() bool { return d.Log.Contains("externalAccountRequired") })
	d.Signal(os.Interrupt)
	d.Wait(harness.Patience)

	d.Args = append(append([]string{}, plain...), p.flags(d.Path("acme"), "push.example.org")...)
	d.Args = append(d.Args, "--acme-eab-kid", "kid-1", "--acme-eab-key-file", d.Path("eab.key"))
	d.Run()
	p.certified(d, "push.example.org")
	if d.Log.Contains(key) {
		t.Error("the key of the external account is in the log")
	}
}

func TestACMEAfterGivingUpRoot(t *testing.T) {
	t.Parallel()
	harness.SkipUnlessRoot(t)
	d := withoutFiles(t)
	p := startPebble(t, d, nil)
	for dir := d.Dir; dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) { // the test's own, closed to others
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cache := d.Path("acme")
	// As an earlier run by root has left it.
	old := filepath.Join(cache, "ca.example.org-0123abcd", "www.example.org.pem")
	if err := os.MkdirAll(filepath.Dir(old), 0o700); err != nil {
		t.Fatal(err)
	}
	harness.WriteFile(t, old, []byte("secret"))
	d.Args = append(d.Args, p.flags(cache, "push.example.org")...)
	d.Args = append(d.Args, "--user", "nobody")
	d.Run()
	p.certified(d, "push.example.org")
	if uid := strings.Fields(d.ProcStatus("Uid"))[0]; uid == "0" {
		t.Fatal("the daemon is still root")
	}
	d.Signal(os.Interrupt)
	d.Wait(harness.Patience)
	wantPrivateCache(d, cache)
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
	if err := os.Mkdir(d.Path("acme"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(d.Path("acme"), 0o750); err != nil {
		t.Fatal(err)
	}
	args := append(d.Args, "--acme-host", "push.example.org", "--acme-accept-tos", "--acme-cache-dir", d.Path("acme"))
	for _, line := range [][]string{args, append([]string{"check"}, args...)} {
		if r := harness.Run(t, "", harness.Hassesd, line...); r.Code != 2 || !strings.Contains(r.Stderr, "chmod 700 "+d.Path("acme")) {
			t.Errorf("%q: %s; want exit code 2 and what to do", line[0], r)
		}
	}
}

func TestACMEAuthorityCanAskForARenewal(t *testing.T) {
	t.Parallel()
	d := withoutFiles(t)
	// The earliest renewal is after a twentieth of its life: 9 s. Without advice it is after two thirds.
	p := startPebble(t, d, func(c *pebbleConfig) { c.Profiles["default"] = pebbleProfile{"three minutes", 180} })
	d.Args = append(d.Args, p.flags(d.Path("acme"), "push.example.org")...)
	d.Run()
	first := p.certified(d, "push.example.org")
	p.suggestRenewal(first, time.Now().Add(-time.Hour), time.Now().Add(-time.Minute))
	d.Signal(os.Interrupt)
	d.Wait(harness.Patience)
	d.Run() // it asks the authority at once
	var next *x509.Certificate
	if !harness.Poll(issuePatience, slowly(func() bool {
		leaf, err := leafFor(d, "push.example.org", p.roots())
		next = leaf
		return err == nil && !leaf.Equal(first)
	})) {
		t.Fatalf("the certificate was not renewed; the log without the handshakes:\n%s", without(d.Log, "level=DEBUG"))
	}
	if age := next.NotBefore.Sub(first.NotBefore); age > 100*time.Second && !d.Log.WaitFor("could not be obtained") {
		t.Errorf("renewed after %s, when it was due anyway", age)
	}
}
